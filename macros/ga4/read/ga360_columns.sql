{#
    The columns of Universal Analytics' export (Google Analytics 360, tables ga_sessions_YYYYMMDD)
    that become events: one row a session, its hits repeated in it. Amounts are millionths. After
    Google's page support.google.com/analytics/answer/3437719.
#}
{% macro ga360_export_columns() %}
    {% set dimensions = [ga4_fields('index:int64 value')] %}
    {% set amounts = 'transactionRevenue:int64 localTransactionRevenue:int64 transactionTax:int64 '
        ~ 'localTransactionTax:int64 transactionShipping:int64 localTransactionShipping:int64' %}
    {% set product = ga4_fields(
        'productSKU v2ProductName v2ProductCategory productVariant productBrand productPrice:int64 '
        ~ 'localProductPrice:int64 productQuantity:int64 productRevenue:int64 '
        ~ 'localProductRevenue:int64 productRefundAmount:int64 localProductRefundAmount:int64 '
        ~ 'isImpression:bool productListName productListPosition:int64 productCouponCode',
        {'customDimensions': dimensions}
    ) %}
    {% set hit = ga4_fields(
        'hitNumber:int64 time:int64 isEntrance:bool referer type dataSource',
        {
            'page': ga4_fields('pagePath hostname pageTitle searchKeyword'),
            'appInfo': ga4_fields('version id installerId screenName'),
            'eventInfo': ga4_fields('eventCategory eventAction eventLabel eventValue:int64'),
            'transaction': ga4_fields(
                'transactionId affiliation currencyCode transactionCoupon ' ~ amounts
            ),
            'eCommerceAction': ga4_fields('action_type step:int64 option'),
            'refund': ga4_fields('refundAmount:int64 localRefundAmount:int64'),
            'product': [product],
            'promotion': [ga4_fields('promoId promoName promoCreative promoPosition')],
            'promotionActionInfo': ga4_fields('promoIsView:bool promoIsClick:bool'),
            'customDimensions': dimensions,
        }
    ) %}
    {{ return({
        'fullVisitorId': 'string',
        'clientId': 'string',
        'userId': 'string',
        'visitNumber': 'int64',
        'visitId': 'int64',
        'visitStartTime': 'int64',
        'date': 'string',
        'channelGrouping': 'string',
        'totals': ga4_fields(
            'pageviews:int64 screenviews:int64 timeOnSite:int64 transactions:int64'
        ),
        'trafficSource': ga4_fields(
            'source medium campaign keyword adContent', {'adwordsClickInfo': ga4_fields('gclId')}
        ),
        'device': ga4_fields(
            'deviceCategory browser browserVersion operatingSystem operatingSystemVersion language '
            ~ 'mobileDeviceBranding mobileDeviceModel mobileDeviceMarketingName'
        ),
        'geoNetwork': ga4_fields('city country continent region subContinent metro'),
        'customDimensions': dimensions,
        'hits': [hit],
    }) }}
{% endmacro %}
