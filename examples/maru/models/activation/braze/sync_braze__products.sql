-- the products of the shop as items of a catalog in Braze, for what a message shows of them
{{ madang.sync_catalog_items(ref('products')) }}
