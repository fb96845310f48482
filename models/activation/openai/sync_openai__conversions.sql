-- verified conversions for OpenAI, of those who allowed advertising
{{ sync_conversions('openai') }}
