{#
    Masks personal data in what people wrote to a desk, when the text is staged and before anything
    reads it. It masks e-mail addresses, national ids, cards, accounts and telephone numbers, also
    those in words or with signs between all digits. Of postal addresses it masks all from the
    street on. docs/inquiries.md has what stays.

    Patterns cannot look around, so the text before and behind is captured and put back. Numbers are
    looked for twice, because two may share the sign between them.
#}
{% macro masked_inquiry(expression) -%}
    {%- set found = [visible(expression)] -%}
    {%- for word, pattern in inquiry_patterns() -%}
        {%- do found.append(regex_replace(found[-1], pattern, '\\1(' ~ word ~ ')\\2')) -%}
    {%- endfor -%}
    case
        when {{ regex_matches(expression, '[0-9０-９@＠]|골뱅이|(?:공|영|제로).{0,3}(?:일|하나)') }}
            then {{ found[-1] }}
        else {{ expression }}
    end
{%- endmacro %}


{#
    (word, pattern) in the order in which they are applied.
    Each pattern captures what stands before and behind.
#}
{% macro inquiry_patterns() %}
    {%- set found = [('email', inquiry_email_pattern())] -%}
    {%- set numbers = inquiry_numbers() -%}
    {%- for word in ['national_id', 'card', 'phone', 'account'] -%}
        {%- set pattern = '(^|[^0-9０-９A-Za-z_\\-]|(?i:tel|hp|phone|mobile|cp)[.:]?)(?:'
            ~ numbers[word] | join('|') ~ ')($|[^0-9０-９A-Za-z]|-(?:$|[^0-9]))' -%}
        {%- do found.extend([(word, pattern), (word, pattern)]) -%}
    {%- endfor -%}
    {{ return(
        found + inquiry_account_patterns() + inquiry_word_patterns() + inquiry_address_patterns()
    ) }}
{% endmacro %}


{% macro inquiry_email_pattern() %}
    {%- set dot = '[ ]?(?:[.]|점|닷|쩜)[ ]?' -%}
    {{ return(
        '()[0-9A-Za-z._%+-]+[ ]?(?:[@＠]|[(\\[](?i:at)[)\\]]|골뱅이)[ ]?[0-9A-Za-z-]+(?:' ~ dot
        ~ '[0-9A-Za-z-]+)*' ~ dot ~ '[A-Za-z]{2,}()'
    ) }}
{% endmacro %}


{#
    Numbers that stand apart. A national id has its hyphen,
    or begins with a day of birth and goes on with the digit of its century.
#}
{% macro inquiry_numbers() %}
    {%- set d, dash = '[0-9０-９]', '\\-－‐-―−' -%}
    {%- set gap = '[ \\t.,·ㆍ_/~()' ~ dash ~ ']{0,3}' -%}
    {%- set apart = '[ \\t.,·ㆍ_/~()' ~ dash ~ ']{1,3}' -%}
    {%- set country = '(?:[0０]|[+]?82' ~ gap ~ '(?:[(]?0[)]?' ~ gap ~ ')?)' -%}
    {%- set area = '0(?:2|[3-6][1-5]|70|50[2-8])' -%}
    {%- set day = '(?:[0０][1-9１-９]|[1１][0-2０-２])(?:[0０][1-9１-９]|[12１２]' ~ d ~ '|[3３][01０１])' -%}
    {{ return({
        'national_id': [
            d ~ '{2}' ~ day ~ '[ \\t]*[~' ~ dash ~ '][ \\t]*[1-8１-８*](?:' ~ d ~ '|[*]){6}',
            '(?:3[6-9]|[4-9][0-9])' ~ day ~ '[ ./]{0,2}[1256][0-9]{6}',
            '(?:0[0-9]|1[0-9]|2[0-6])' ~ day ~ '[ ./]{0,2}[3478][0-9]{6}',
        ],
        'card': [d ~ '{4}(?:[ ' ~ dash ~ ']' ~ d ~ '{4}){3}'],
        'phone': [
            country ~ '[1１][0０](?:' ~ gap ~ d ~ '){8}',
            country ~ '[1１][16-9１６-９]' ~ gap ~ d ~ '{3,4}' ~ gap ~ d ~ '{4}',
            '[0０]' ~ apart ~ '[1１]' ~ apart ~ '[0０](?:' ~ gap ~ d ~ '){8}',
            '(?:[(]' ~ area ~ '[)][ .' ~ dash ~ ']{0,3}|' ~ area ~ '[ .' ~ dash ~ ']{1,3})' ~ d
            ~ '{3,4}[ .' ~ dash ~ ']{1,3}' ~ d ~ '{4}',
            area ~ d ~ '{7,8}',
            '[+](?:[1-79]' ~ d ~ '?|8[0-13-9])(?:[ .\\-]?' ~ d ~ '){8,11}',
        ],
        'account': [
            '(?:[0-9]{3}|[013-9][0-9]{3}|2[1-9][0-9]{2}|[0-9]{5,6})-[0-9]{2}-'
                ~ '(?:[0-9]{6,8}|[0-9]{4,5}-[0-9]{1,3})(?:-[0-9]{1,3})?',
            '(?:[0-9]{3}|[013-9][0-9]{3}|2[1-9][0-9]{2}|[0-9]{5,6})-[0-9]{3,6}-[0-9]{4,8}'
                ~ '(?:-[0-9]{1,3})?',
            '[0-9]{6}-[0-9]{2}-[0-9]{5}',
        ],
    }) }}
{% endmacro %}


{# An account without its hyphens is one behind a bank's name or the word for it. #}
{% macro inquiry_account_patterns() %}
    {%- set bank = '(?:은행|뱅크|계좌(?:[ ]?번호)?|농협|신한|국민|기업|수협|신협|우체국|새마을금고|토스)[은는이가]?[ :：()]{0,3}' -%}
    {{ return(
        [('account', '((?:^|[^0-9])' ~ bank ~ ')[0-9](?:[ .\\-]?[0-9]){9,15}($|[^0-9A-Za-z])')]
    ) }}
{% endmacro %}


{# Telephone numbers in words, wholly or in part. #}
{% macro inquiry_word_patterns() %}
    {%- set word = '하나|다섯|여섯|일곱|여덟|아홉|제로|[공영일이삼사오육륙칠팔구둘셋넷]' -%}
    {%- set digit = '(?:' ~ word ~ '|[0-9０-９])' -%}
    {%- set gap = '(?:[ \\t.,·_~\\-]|에|의|국){0,3}' -%}
    {%- set zero, one, third = '(?:공|영|제로)', '(?:일|하나)', '(?:일|하나|육|륙|칠|팔|구|여섯|일곱|여덟|아홉)' -%}
    {%- set some_zero, some_one = '(?:공|영|제로|[0０])', '(?:일|하나|[1１])' -%}
    {%- set eight, seven = '(?:' ~ gap ~ digit ~ '){8}', '(?:' ~ gap ~ digit ~ '){7,8}' -%}
    {%- set in_words = zero ~ gap ~ some_one ~ gap ~ '(?:' ~ some_zero ~ eight ~ '|(?:' ~ third
        ~ '|[16-9])' ~ seven ~ ')' -%}
    {%- set in_part = [
        '[0０]' ~ gap ~ one ~ gap ~ some_zero ~ eight,
        '[0０]' ~ gap ~ one ~ gap ~ '(?:' ~ third ~ '|[16-9])' ~ seven,
        '[0０][1１]' ~ gap ~ zero ~ eight,
        '[0０][1１][0０]' ~ gap ~ '(?:' ~ word ~ ')(?:' ~ gap ~ digit ~ '){7}',
        '[0０][1１][0０]' ~ gap ~ '[0-9０-９]{4}' ~ gap ~ '(?:' ~ word ~ ')(?:' ~ gap ~ digit ~ '){3}',
    ] -%}
    {{ return([
        ('phone', '()' ~ in_words ~ '()'),
        ('phone', '(^|[^0-9０-９A-Za-z_\\-])(?:' ~ in_part | join('|') ~ ')()')
    ]) }}
{% endmacro %}


{#
    A street or a lot with its number, and the flat that follows. It stands behind a city, county,
    district or town, or a word that announces an address. Also a flat by block and number. The
    region before the street stays, because it is no address.
#}
{% macro inquiry_address_patterns() %}
    {%- set number = '[0-9]{1,4}(?:-[0-9]{1,4})?(?:[ ]?번지)?' -%}
    {%- set block, floor, room = ',?[ ]?[0-9A-Za-z]{1,4}동', ',?[ ]?(?:지하[ ]?)?[0-9]{1,3}층',
        ',?[ ]?[0-9A-Za-z-]{1,6}호' -%}
    {%- set flat = '(?:(?:,?[ ]?[가-힣A-Za-z0-9]{1,12}){0,2}(?:' ~ block ~ '(?:' ~ floor ~ ')?(?:'
        ~ room ~ ')?|' ~ floor ~ '(?:' ~ room ~ ')?|' ~ room ~ '))?' -%}
    {%- set street = '[가-힣0-9·.]{1,12}(?:로|길)[ ]?' ~ number ~ '(?:[ ]?[가-힣]?번?길[ ]?'
        ~ number ~ ')?' -%}
    {%- set place = '(?:' ~ street ~ '|[가-힣0-9]{1,6}(?:동|가|리)[ ]?(?:산[ ]?)?' ~ number
        ~ ')(?:,?[ ]?[(][가-힣0-9, ]{2,20}[)])?' ~ flat -%}
    {%- set region = '(?:[가-힣]{2,6}시|[가-힣]{1,6}(?:군|구)|[가-힣]{1,5}(?:읍|면))[ ]+' -%}
    {%- set announced = '(?:주소|배송지|거주지|사는[ ]?곳|보내실[ ]?곳)'
        ~ '[은는이가를]?[ ]?[:：]?[ ]?(?:[가-힣]{1,8}[ ]+){0,4}?' -%}
    {%- set behind = '($|[^0-9가-힣A-Za-z%:/.,]|[.,](?:$|[^0-9])|에|로|으로|입|이|예|번)' -%}
    {{ return([
        ('address', '(' ~ region ~ ')' ~ place ~ behind),
        ('address', '(' ~ announced ~ ')' ~ place ~ behind),
        ('address', '()[0-9]{1,4}동[ ]?(?:[0-9]{1,3}층[ ]?)?[0-9]{1,4}호()'),
    ]) }}
{% endmacro %}
