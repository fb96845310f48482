-- who is to be in Kakao Moment's customer files, one file an audience,
-- for those who allowed advertising
{{ sync_ad_members('kakao') }}
