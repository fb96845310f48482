-- verified conversions for Meta, of those who allowed advertising
{{ sync_conversions('meta') }}
