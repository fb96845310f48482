-- who is to be in the file of an audience and channel, and what its row says
{{ sync_members_by_number() }}
