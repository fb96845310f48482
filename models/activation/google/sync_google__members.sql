-- who is to be on Google's Customer Match lists, one list an audience,
-- for those who allowed advertising
{{ sync_ad_members('google') }}
