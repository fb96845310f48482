{{ madang.list_of_actions() }}
