-- who is to be on the list of an audience and channel at an endpoint, and what its row says
{{ sync_members_by_number() }}
