{#
    A text as rules of inquiries compare it. It has no blanks, signs and laughter, and one case and
    width. Syllables that people confuse are written one way. Both the text and the words of the
    rules are folded.
#}
{% macro inquiry_key(expression) -%}
    {%- set mistaken = [
        ('되', '돼됬됐됫'), ('된', '됀'), ('될', '됄'), ('됩', '됍'), ('왜', '웨외'),
        ('배', '베'), ('세', '새'), ('게', '개'), ('재', '제'), ('네', '내'),
        ('데', '대'), ('래', '레'), ('매', '메'), ('에', '애'), ('체', '채'), ('테', '태'), ('해', '헤'),
        ('했', '햇'), ('갔', '갓'), ('었', '엇'), ('았', '앗'),
        ('겠', '겟'), ('왔', '왓'), ('졌', '젔젓'), ('셨', '셧'), ('안', '않앉'), ('많', '만'), ('습', '읍'),
        ('괜', '갠'), ('불', '뷸'), ('예', '얘'), ('계', '걔'),
        ('송', '숑'), ('취', '치'), ('쿠', '큐'),
    ] -%}
    {%- set wrong, right = [], [] -%}
    {%- for letter, others in mistaken -%}
        {%- for other in others -%}
            {%- do wrong.append(other) -%}
            {%- do right.append(letter) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set plain = 'case when ' ~ regex_matches(expression, '[\\x{3000}\\x{ff01}-\\x{ff5e}]')
        ~ ' then ' ~ nfkc(expression) ~ ' else ' ~ nfc(expression) ~ ' end' -%}
    translate(
        {{ regex_replace(
            'lower(' ~ plain ~ ')',
            '[' ~ blanks() ~ invisible_signs() ~ '\\p{P}\\p{S}ㄱ-ㅎㅏ-ㅣ\\x{1100}-\\x{11ff}]+',
            ''
        ) }},
        '{{ wrong | join }}',
        '{{ right | join }}'
    )
{%- endmacro %}
