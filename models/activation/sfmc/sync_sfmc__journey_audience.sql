-- who is to be in the data extension of an audience and channel, and what its row says
{{ sync_members_by_number('madang_', 'SubscriberKey', knows_address=true) }}
