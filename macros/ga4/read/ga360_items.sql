{% macro ga360_ecommerce() %}
    {% set is_purchase = "event.name = 'purchase'" %}
    {% set amounts = {} %}
    {% for name, column in {
        'purchase_revenue': 'Revenue', 'tax_value': 'Tax', 'shipping_value': 'Shipping'
    }.items() %}
        {% do amounts.update({name: 'case when ' ~ is_purchase
            ~ ' then coalesce(hit.transaction.localTransaction' ~ column
            ~ ', hit.transaction.transaction' ~ column ~ ') / 1e6 end'}) %}
    {% endfor %}
    {% do amounts.update({
        'refund_value': "case when event.name = 'refund' then "
            ~ "coalesce(hit.refund.localRefundAmount, hit.refund.refundAmount) / 1e6 end",
        'transaction_id': "case when event.name in ('purchase', 'refund') then "
            ~ "hit.transaction.transactionId end",
    }) %}
    {{ return(amounts) }}
{% endmacro %}


{#
    The products that an event is about: those of a list when it is shown, else the others;
    the promotions of a promotion.
#}
{% macro ga360_items(shape) %}
    {% set dimensions = ga4_list(
        ga4_struct(shape.item_params[0], {
            'key': "concat('cd', cast(dimension.index as string))",
            'value': {'string_value': 'dimension.value'},
        }), 'dimension', 'product.customDimensions', 'dimension.value is not null'
    ) %}
    {% set product = ga4_struct(shape, {
        'item_id': 'product.productSKU',
        'item_name': 'product.v2ProductName',
        'item_brand': 'product.productBrand',
        'item_variant': 'product.productVariant',
        'item_category': 'product.v2ProductCategory',
        'price': 'coalesce(product.localProductPrice, product.productPrice) / 1e6',
        'quantity': 'product.productQuantity',
        'item_revenue': 'coalesce(product.localProductRevenue, product.productRevenue) / 1e6',
        'item_refund': 'coalesce(product.localProductRefundAmount, product.productRefundAmount) / '
            ~ '1e6',
        'coupon': 'product.productCouponCode',
        'affiliation': 'hit.transaction.affiliation',
        'item_list_name': 'product.productListName',
        'item_list_index': 'cast(product.productListPosition as string)',
        'item_params': dimensions,
    }) %}
    {% set promotion = ga4_struct(shape, {
        'promotion_id': 'promo.promoId',
        'promotion_name': 'promo.promoName',
        'creative_name': 'promo.promoCreative',
        'creative_slot': 'promo.promoPosition',
    }) %}
    {{ return("case
            when event.place = 0 then " ~ ga4_empty_list(shape) ~ "
            when event.name in ('view_promotion', 'select_promotion')
                then " ~ ga4_list(promotion, 'promo', 'hit.promotion', 'true') ~ "
            else " ~ ga4_list(
                product, 'product', 'hit.product',
                "coalesce(product.isImpression, false) = (event.name = 'view_item_list')"
            ) ~ "
        end") }}
{% endmacro %}
