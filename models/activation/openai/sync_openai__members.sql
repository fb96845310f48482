-- who is to be on OpenAI's custom audiences, one an audience, for those who allowed advertising
{{ sync_ad_members('openai') }}
