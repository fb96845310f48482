-- verified conversions for GA4, and refunds of those that were taken back,
-- of those who allowed advertising
{{ sync_conversions('ga4') }}
