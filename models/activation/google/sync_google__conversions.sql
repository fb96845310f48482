-- verified conversions for Google Ads, of those who allowed advertising
{{ sync_conversions('google') }}
