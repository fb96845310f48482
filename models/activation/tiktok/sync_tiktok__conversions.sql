-- verified conversions for TikTok, of those who allowed advertising
{{ sync_conversions('tiktok') }}
