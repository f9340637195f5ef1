-- One expression a line, compared as `select <line>`: value, type, SQLSTATE, and JSON form.
-- integers
1 + 2 * 3
7 / 2, -7 / 2, 7 % 3, -7 % 3, 7 % -3
1 / 0
1 % 0
2147483647 + 1
-2147483648 - 1
9223372036854775807 + 1
2147483647::bigint + 1
32767::smallint + 1::smallint
100000 * 100000
abs(-5), sign(-3), @ -4
5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 256 >> 2
gcd(12, 18), lcm(4, 6)
factorial(10)
power(2, 10), 2 ^ 10, sqrt(16), |/ 25, ||/ 27
mod(10, 3), div(7, 2)
'12'::int, ' 12 '::int, '-7'::bigint
'x'::int
'99999999999'::int
'1.5'::int
1.5::int, 2.5::int, -1.5::int, -2.5::int, 0.5::int
1.5::float8::int, 2.5::float8::int
3000000000::int
true::int, 0::bool, 5::bool
'0x1F'::text
1 = 1.0, 1 < 2.5, 3::smallint = 3::bigint
-- numeric
1.10 + 2.2, 1.10 * 2.20, 10.0 / 3, 1 / 3.0, 2.00 / 4
1.000, 0.10, 100.0, 1e5, 1.5e-3, 123456789012345678901234567890.123456789
round(2.5), round(-2.5), round(2.345, 2), round(1234.5, -2), trunc(2.789, 1), trunc(-2.5), ceil(2.1), floor(-2.1)
123.456::numeric(5,2), 0.005::numeric(3,2), 99.995::numeric(5,2)
999.995::numeric(5,2)
'NaN'::numeric, 'NaN'::numeric = 'NaN'::numeric, 'NaN'::numeric > 1e300
'Infinity'::numeric, '-Infinity'::numeric + 1
numeric '1.0' = numeric '1.00', numeric '1.0' || ''
sqrt(2.0), exp(1.0), ln(10.0), log(100.0), log(2.0, 8.0), power(2.0, 0.5), power(1.5, 3)
ln(0.0)
sqrt(-1.0)
10.5 % 3, mod(10.5, 3.2)
scale(1.2300), min_scale(1.2300), trim_scale(1.2300)
width_bucket(5.35, 0.024, 10.06, 5)
numeric '12.30'::text, (12.30)::int, 12.99::bigint
1.1::float8::numeric, 0.1::float4::numeric
greatest(1, 2.5, 2), least(3, 1.5)
to_char(1234.5, '9,999.99'), to_char(-5, 'FM999'), to_char(0.5, '0.99'), to_char(12, '0000'), to_char(1234567.891, 'FM9,999,999.00')
to_number('1,234.5', '9,999.9')
-- floats
1.5::float8 + 2, 0.1::float8 + 0.2::float8, 1e20::float8, 1e-5::float8, 123456789.123::float8, 1e15::float8, 1e16::float8
1::float4 / 3, 1::float8 / 3, 3.4e38::float4, 0.1::float4
'Infinity'::float8, '-Infinity'::float8, 'NaN'::float8
1::float8 / 0
1e308::float8 * 10
'1e400'::float8
round(2.5::float8), round(3.5::float8), trunc(2.7::float8), ceil(-0.5::float8), sign(-2.5::float8)
sin(1), cos(1), tan(1), atan2(1, 2), degrees(pi()), radians(180), cbrt(27), exp(1::float8), ln(10::float8), log(100::float8)
float8 '1.0', float4 '1.0', float8 '100', float8 '0.5'
'NaN'::float8 = 'NaN'::float8, 'NaN'::float8 > 'Infinity'::float8
-- text
'a' || 'b', 'a' || 1, 1 || 'a', 'x' || null, 'n' || 1.50, 'b' || true
length('héllo'), char_length('日本'), octet_length('é'), bit_length('a')
upper('héllo'), lower('ÀÉ'), initcap('hello world-foo bar')
trim('  x '), ltrim('xxa', 'x'), rtrim('axx', 'x'), btrim('xyaxy', 'xy'), trim(both 'x' from 'xax'), trim(leading from '  a')
lpad('7', 3, '0'), rpad('a', 3), lpad('abcd', 2), rpad('ab', 5, 'xy')
left('abcde', 2), left('abcde', -2), right('abcde', 2), right('abcde', -2)
substring('abcdef' from 2 for 3), substring('abcdef', 3), substring('abc' from 0 for 2), substr('abc', -1, 3), substring('foobar' from 'o(.)b'), substring('abc' from 'z')
substring('abc', 1, -1)
position('c' in 'abc'), strpos('abc', 'z'), starts_with('abc', 'ab'), 'abc' ^@ 'a'
replace('banana', 'an', 'x'), translate('12345', '143', 'ax'), reverse('abc'), repeat('ab', 3), overlay('abcdef' placing 'XX' from 2 for 3)
split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), split_part('a,b', ',', 5)
split_part('a', ',', 0)
concat('a', null, 1, true), concat_ws('-', 'a', null, 'b'), format('%s is %I, %L and %%', 'x', 'a b', 'it''s'), format('%2$s %1$s', 'a', 'b'), format('[%5s][%-5s]', 'a', 'b')
ascii('A'), chr(233), to_hex(255), md5('abc'), quote_ident('a b'), quote_literal('it''s'), quote_nullable(null)
encode('abc'::bytea, 'hex'), encode('abc'::bytea, 'base64'), decode('616263', 'hex'), encode(decode('YWJj', 'base64'), 'escape')
string_to_array('a,b,c', ','), string_to_array('a,,c', ',', ''), array_to_string(array['a', null, 'c'], ','), array_to_string(array['a', null], ',', '*')
'abc'::varchar(2), 'abc'::char(5), 'ab  '::char(4) = 'ab'::char(2), length('ab  '::char(4))
'abc' like 'a%', 'abc' like '_b_', 'a%c' like 'a\%c', 'ABC' ilike 'a%', 'abc' not like 'b%', 'a_c' like 'a!_c' escape '!'
'abc' similar to '(a|b)%', 'abc' ~ '^a.c$', 'ABC' ~* 'b', 'abc' !~ 'z', 'abc' ~ '[[:digit:]]'
'abc' ~ '('
regexp_replace('foobarbaz', 'b..', 'X'), regexp_replace('foobarbaz', 'b(..)', 'X\1', 'g'), regexp_match('foobar', '(o+)(b)'), regexp_split_to_array('a1b22c', '\d+'), regexp_count('banana', 'a'), regexp_substr('abc123', '\d+'), regexp_like('Hello', 'hello', 'i')
'a' < 'b', 'a' < 'B', 'Z' < 'a', 'é' > 'z', '' < 'a'
E'a\nb', E'tab\there', U&'\00e9', $$dollar$$, 'it''s'
text 'a' = varchar 'a', 'a'::text collate "C" < 'b'
unistr('\0041'), sha256('abc'::bytea), 'abc'::bytea, '\x616263'::bytea, length('\x6162'::bytea), get_byte('\x6162'::bytea, 1), convert_from('\xc3a9'::bytea, 'UTF8')
-- booleans and nulls
true and null, false and null, true or null, not null::bool, null = null, null is null, 1 is not null
null is distinct from null, 1 is distinct from null, 1 is not distinct from 1
true is true, null::bool is unknown, false is not true, null::bool is not false
'yes'::bool, 'off'::bool, 't'::bool, '1'::bool, true::text
'maybe'::bool
case when true then 1 else 2 end, case 2 when 1 then 'a' when 2 then 'b' end, case when false then 1 end
coalesce(null, null, 3), coalesce(null, 'x'), nullif(1, 1), nullif('a', 'b'), greatest(null, 1), least(null, null::int)
1 between 0 and 2, 1 not between 2 and 3, 2 between symmetric 3 and 1
1 in (1, 2), 1 in (2, null), 3 not in (1, 2), 3 not in (1, null)
(1, 2) = (1, 2), (1, 2) < (1, 3), (1, null) is null, row(1, 2) is not null, (1, 'a') = (1, 'b')
bool_and(true), bool_or(false)
-- dates and times
date '2024-02-29', '2024-02-30'::date
date '2024-02-29', date '29 Feb 2024', date 'February 29, 2024', date '20240229', date '2024-2-9', date 'infinity'
date '2024-01-31' + 1, date '2024-03-01' - 1, date '2024-03-01' - date '2024-02-01', date '2024-01-31' + interval '1 month', date '2024-01-01' + time '10:30'
timestamp '2024-01-31 10:00' + interval '1 month', timestamp '2024-01-01' - timestamp '2023-12-25 12:00', timestamp '2024-01-01 12:34:56.789'
timestamptz '2024-01-01 12:00:00+02', timestamptz '2024-07-01 12:00 Europe/Berlin', timestamptz '2024-01-01T00:00:00Z', timestamptz '2024-01-01 00:00:00.5-05:30'
timestamptz '2024-07-01 12:00:00+00' at time zone 'Europe/Berlin', timestamp '2024-07-01 12:00:00' at time zone 'America/New_York', timestamptz '2024-07-01 12:00:00+00' at time zone interval '3 hours'
extract(year from date '2024-05-06'), extract(month from timestamp '2024-05-06 07:08:09.5'), extract(epoch from timestamptz '2024-01-01 00:00:00+00'), extract(second from time '01:02:03.456'), extract(dow from date '2024-05-05'), extract(isodow from date '2024-05-05'), extract(doy from date '2024-12-31'), extract(week from date '2024-01-01'), extract(isoyear from date '2021-01-03'), extract(quarter from date '2024-05-06'), extract(day from interval '40 days 3 hours'), extract(epoch from interval '1 mon 1 day')
date_part('hour', timestamp '2024-01-01 13:00'), date_trunc('month', timestamp '2024-05-06 07:08:09'), date_trunc('week', date '2024-05-08'), date_trunc('hour', interval '3 hours 25 minutes'), date_trunc('day', timestamptz '2024-05-06 23:30:00+00', 'Asia/Tokyo'), date_bin('15 minutes', timestamp '2024-01-01 10:38', timestamp '2024-01-01')
interval '1 year 2 months 3 days 04:05:06.789', interval '1-2', interval '3 4:05:06', interval 'P1Y2M3DT4H5M6S', interval '1.5 days', interval '2 weeks', interval '-1 day +2 hours', interval '90 minutes', interval '1 day ago', interval '1' day, interval '1000000 hours'
interval '1 day' + interval '25 hours', interval '1 month' - interval '1 day', interval '1 day' * 1.5, interval '1 hour' / 3, -interval '1 day', interval '1 month' = interval '30 days', interval '1 day' > interval '23 hours'
age(timestamp '2024-03-01', timestamp '2023-01-31'), age(date '2024-02-29', date '2020-02-29'), justify_hours(interval '27 hours'), justify_days(interval '35 days'), justify_interval(interval '1 mon -1 hour')
make_date(2024, 2, 29), make_time(8, 15, 23.5), make_timestamp(2024, 1, 2, 3, 4, 5.6), make_interval(days => 10, hours => 2), make_timestamptz(2024, 1, 1, 0, 0, 0, 'UTC')
make_date(2023, 2, 29)
to_char(timestamp '2024-05-06 17:08:09', 'YYYY-MM-DD HH24:MI:SS'), to_char(timestamp '2024-05-06 17:08:09', 'Dy, DD Mon YYYY HH12:MI AM'), to_char(date '2024-05-06', 'FMDay, FMDDth FMMonth'), to_char(interval '15h 2m 12s', 'HH24:MI:SS'), to_char(timestamp '2024-05-06', 'IYYY-IW-ID Q J DDD')
to_date('06 May 2024', 'DD Mon YYYY'), to_timestamp('2024-05-06 07:08', 'YYYY-MM-DD HH24:MI'), to_timestamp(1700000000)
time '10:30' + interval '14 hours', time '10:30' - time '08:15', time '24:00', timetz '10:30+02', '10:30 PM'::time
(timestamp '2024-01-01', timestamp '2024-02-01') overlaps (timestamp '2024-01-15', timestamp '2024-03-01'), isfinite(date 'infinity'), date 'infinity' > date '2024-01-01'
'2024-13-01'::date
'garbage'::timestamp
'25:00'::time
timestamp '2024-01-01 12:34:56.789'::timestamp(0), '2024-01-01 12:34:56.789'::timestamptz(1), timestamp '2024-01-01 10:00'::date, date '2024-01-01'::timestamp, timestamptz '2024-01-01 23:00+00'::date, timestamp '2024-01-01 10:20:30'::time
date '2024-01-01' < timestamp '2024-01-01 00:00:01', date '0044-03-15 BC', timestamp 'epoch', date '2024-01-01'::text
-- json
'{"a": 1, "b": [1, 2, {"c": null}]}'::json -> 'a', '{"a": 1}'::json ->> 'a', '[1,2,3]'::json -> 1, '[1,2,3]'::json -> -1, '{"a": {"b": 2}}'::json #> '{a,b}', '{"a": {"b": 2}}'::json #>> '{a,b}', '{"a": 1}'::json -> 'z'
'{"b": 1, "a": 2, "a": 3}'::jsonb, '{"b" : 1,  "a":2}'::json, ' [1, 2.50, "x\u00e9", null, true] '::jsonb, '{"aa": 1, "b": 2, "ab": 3}'::jsonb, '1.10'::jsonb, '"a\nb"'::jsonb
'{"a": {"b": [1, 2]}}'::jsonb @> '{"a": {"b": [2]}}', '[1, 2, 3]'::jsonb @> '[3, 1]', '{"a": 1}'::jsonb <@ '{"a": 1, "b": 2}', '{"a": 1}'::jsonb ? 'a', '["x", "y"]'::jsonb ? 'y', '{"a": 1, "b": 2}'::jsonb ?| array['b', 'z'], '{"a": 1, "b": 2}'::jsonb ?& array['a', 'b'], '"foo"'::jsonb @> '"foo"', '[1]'::jsonb @> '1'
'{"a": 1}'::jsonb || '{"b": 2}', '[1]'::jsonb || '2', '{"a": 1, "b": 2}'::jsonb - 'a', '["a", "b"]'::jsonb - 'a', '[1, 2, 3]'::jsonb - 1, '{"a": {"b": 1}}'::jsonb #- '{a,b}', '{"a": 1, "b": 2, "c": 3}'::jsonb - array['a', 'c']
jsonb_build_object('a', 1, 'b', array[1, 2], 'c', null, 'd', true, 'e', 1.50, 'f', date '2024-01-01'), json_build_object('x', 'y', 'n', 1.50), json_build_array(1, 'a', null, true), jsonb_build_array(1, jsonb '{"a":1}')
json_build_object('a')
to_json('a"b'::text), to_jsonb(1.50), to_json(array[1, 2]), to_jsonb(array['a', null]), to_json(timestamp '2024-01-01 10:00:00'), to_json(timestamptz '2024-01-01 10:00:00+00'), to_json(date '2024-01-01'), to_jsonb(true), to_json(interval '1 day'), to_json(1e20::float8), to_json('NaN'::float8)
jsonb_typeof('[]'), jsonb_typeof('null'), json_typeof('1'), jsonb_array_length('[1,2]'), json_array_length('[]'), jsonb_pretty('{"a": [1, {"b": 2}], "c": {}}'), jsonb_strip_nulls('{"a": null, "b": {"c": null, "d": 1}}'), json_strip_nulls('{"a": null}')
jsonb_array_length('{}')
jsonb_set('{"a": 1}', '{a}', '2'), jsonb_set('{"a": [1, 2]}', '{a,0}', '"x"'), jsonb_set('{}', '{b}', '1'), jsonb_set('{}', '{b}', '1', false), jsonb_insert('{"a": [1, 2]}', '{a,1}', '"new"'), jsonb_insert('[1]', '{-1}', '2', true)
jsonb_path_query_first('{"a": [1, 2, 3]}', '$.a[*] ? (@ > 1)'), jsonb_path_exists('{"a": 1}', '$.a ? (@ == 1)'), jsonb_path_query_array('{"a": [1, 2, 3]}', '$.a[*] ? (@ >= $min)', '{"min": 2}'), '{"a": [1,2]}'::jsonb @? '$.a[*] ? (@ > 1)', '{"a": 1}'::jsonb @@ '$.a == 1', jsonb_path_query_first('{"a": {"b": "x"}}', '$.**.b')
'{"a": 1}'::jsonb = '{"a": 1.0}'::jsonb, '[1, 2]'::jsonb < '[1, 3]'::jsonb, '{}'::jsonb > '[]'::jsonb, 'null'::jsonb < '"a"'::jsonb, '1'::jsonb < 'true'::jsonb, '"a"'::jsonb < '"b"'::jsonb
'{"a": 1'::json
'{"a": "x"}'::jsonb -> 'a' = '"x"', ('{"a": 5}'::jsonb -> 'a')::int, ('{"a": "5"}'::jsonb ->> 'a')::int, '5'::jsonb::int, 'true'::jsonb::bool, '1.5'::jsonb::numeric
('{"a": "x"}'::jsonb -> 'a')::int
'{"a":[1,{"b":[true]}]}'::jsonb #>> '{a,1,b,0}', '{"a": "x\"y"}'::jsonb ->> 'a', '["\u00e9\t"]'::jsonb, '{"a":{"b":1}}'::jsonb['a']['b'], json_object('{a,1,b,2}'), jsonb_object('{a,b}', '{1,2}'), json_extract_path('{"a": {"b": 1}}', 'a', 'b'), jsonb_extract_path_text('{"a": {"b": "x"}}', 'a', 'b')
row_to_json(row(1, 'a')), json_build_object('a', row(1, 2))
-- arrays
array[1, 2, 3], array['a', 'b'], '{1,2,3}'::int[], '{a,"b c",NULL}'::text[], array[[1, 2], [3, 4]], array[]::int[], '{}'::text[], array[1.5, 2], array[null, 1], '{1.10,2}'::numeric[], '{2024-01-01}'::date[], '{t,f}'::bool[], array[true, false]
(array[10, 20, 30])[2], (array[10, 20])[5], ('{a,b,c}'::text[])[2:3], (array[[1, 2], [3, 4]])[2][1]
array_length(array[1, 2], 1), array_length('{}'::int[], 1), cardinality(array[[1, 2], [3, 4]]), array_ndims(array[[1]]), array_upper(array[1, 2], 1), array_lower(array[1], 1), array_dims(array[[1, 2], [3, 4]])
array[1, 2] || array[3], array[1] || 2, 0 || array[1], array_append(array[1], 2), array_prepend(0, array[1]), array_cat(array[1], array[2]), array['a'] || 'b'::text, array[1] || null
array_position(array['a', 'b'], 'b'), array_positions(array[1, 2, 1], 1), array_remove(array[1, 2, 1], 1), array_replace(array[1, 2], 2, 9), array_to_json(array[1, 2]), trim_array(array[1, 2, 3], 1), array_fill(0, array[3])
array[1, 2, 3] @> array[2], array[2] <@ array[1, 2], array[1, 2] && array[2, 3], array[1, 2] = array[1, 2], array[1, 2] < array[1, 3], array['a'] > array['A'], '{}'::int[] = '{}'::int[]
1 = any(array[1, 2]), 3 = any('{1,2}'::int[]), 1 <> all(array[2, 3]), 5 > all(array[1, 2]), null = any(array[1]), 1 = any(array[2, null]), 'a' = any('{a,b}')
'{1,2'::int[]
'{1,x}'::int[]
array[1, 'a']
-- uuid, bytea, network, bits of the rest
'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid, '{a0eebc999c0b4ef8bb6d6bb9bd380a11}'::uuid, uuid '00000000-0000-0000-0000-000000000001' < uuid '00000000-0000-0000-0000-000000000002', length(gen_random_uuid()::text)
'nope'::uuid
'192.168.1.5/24'::inet, '192.168.1.0/24'::cidr, host('192.168.1.5/24'::inet), masklen('10.0.0.0/8'::inet), network('192.168.1.5/24'::inet), '192.168.1.5'::inet << '192.168.1.0/24'::inet, inet '10.0.0.1' + 5, inet '::1', family('::1'::inet), broadcast('10.0.0.1/8'::inet), '08:00:2b:01:02:03'::macaddr, inet '10.0.0.2' > inet '10.0.0.1'
'300.1.1.1'::inet
int4range(1, 5), int4range(1, 5, '[]'), '[1,3]'::int4range, '(1,3)'::int4range, 'empty'::int4range, numrange(1.5, 2.5, '(]'), daterange('2024-01-01', '2024-02-01'), tsrange('2024-01-01', null), int4range(3, 1, '[]')
int4range(1, 5) @> 3, int4range(1, 5) @> int4range(2, 3), int4range(1, 5) && int4range(4, 8), int4range(1, 3) -|- int4range(3, 5), int4range(1, 3) << int4range(5, 6), int4range(1, 5) * int4range(3, 8), int4range(1, 3) + int4range(2, 5), int4range(1, 5) - int4range(3, 8), lower(int4range(1, 5)), upper(int4range(1, 5)), isempty(int4range(1, 1)), lower_inc(int4range(1, 2)), upper_inf(int4range(1, null)), int4range(1, 3) = '[1,3)'::int4range, int4range(1, 3) < int4range(1, 4)
to_tsvector('english', 'The quick brown foxes jumped over lazy dogs'), to_tsquery('english', 'jumping & foxes'), plainto_tsquery('english', 'The lazy dogs'), phraseto_tsquery('english', 'lazy dogs'), websearch_to_tsquery('english', '"lazy dogs" -cat or fox'), to_tsvector('simple', 'A b A')
to_tsvector('english', 'fat cats') @@ to_tsquery('english', 'cat & fat'), 'fat cats' @@ 'cat', to_tsvector('english', 'fat cats') @@ to_tsquery('english', 'dog'), 'a:1 b:2'::tsvector, 'a & !b | c'::tsquery, setweight('a:1'::tsvector, 'A'), strip('a:1 b:2'::tsvector), length('a:1 b:2'::tsvector), numnode('a & b'::tsquery)
ts_rank(to_tsvector('english', 'fat cats ate fat rats'), to_tsquery('english', 'fat & rat')), ts_headline('english', 'The fat cats ate rats', to_tsquery('english', 'cat'))
'happy'::mood > 'sad'::mood, 'ok'::mood, 'ok'::mood::text, enum_range(null::mood), enum_first(null::mood), array['sad', 'happy']::mood[]
'angry'::mood
3::positive, (-1)::positive
pg_typeof(1), pg_typeof('a'::text), pg_typeof(1.5), pg_typeof(array[1]), pg_typeof(now()), pg_typeof(null), num_nulls(1, null), num_nonnulls(1, null)
digest('abc', 'sha256'), encode(hmac('data', 'key', 'sha1'), 'hex'), similarity('word', 'two words'), 'word' % 'words', unaccent('Hôtel'), 'Foo'::citext = 'foo'::citext, 'Foo'::citext
current_setting('no.such', true), current_setting('server_version_num')::int > 0, set_config('a.b', 'x', false)
-- bit strings
B'101', X'1F', '101'::bit(3), '101'::varbit, B'1'::bit, B'101'::bit(5), B'10101'::bit(2), B'10101'::varbit(3)
'101'::bit(5)
'12'::bit(2)
'xG'::varbit
44::bit(10), 44::bit(3), (-44)::bit(12), 5::bigint::bit(70), B'1011'::int, X'FFFFFFFF'::int, X'FFFFFFFFFFFFFFFF'::bigint
('1' || repeat('0', 32))::varbit::bit(33)::int
('x' || lpad('01E240', 8, '0'))::bit(32)::int
B'1010' & B'0110', B'1010' | B'0110', B'1010' # B'0110', ~ B'1010', B'10001' << 3, B'10001' >> 2, B'10' << -1, B'101' || B'0'
B'101' & B'10'
length(B'101'), bit_length(B'101'), octet_length(B'101010101'), bit_count(B'10110'), get_bit(B'1010', 1), set_bit(B'1010', 1, 1)
get_bit(B'101', 3)
substring(B'110010' from 2 for 3), substring(B'110010', 3), position(B'10' in B'000110'), B'0' < B'1', B'1' < B'10', B'10' = '10', array[B'1', B'0']
-- money
'12'::money, '$1,234.565'::money, '($0.50)'::money, '-.5'::money, 12::money, 12.345::numeric::money, 5::bigint::money, '$3.50'::money::numeric
'abc'::money
'92233720368547758.08'::money
'$1.00'::money + '$2.50', '$1.00'::money - '$2.50', '$1.25'::money * 3, 2.5::float8 * '$1.25'::money, '$10.00'::money / 3, '$10.00'::money / 4.0::float8, '$10'::money / '$4'::money, '$1'::money < '$2'
'$1'::money / 0
'$1.00'::money || 'x', array['$1.00'::money, '-$2,000.00'], ('$1,234.00'::money)::text
1.5::money * 2
-- xml
'<a b="1">x &amp; y</a>'::xml, 'plain'::xml, '<?xml version="1.0"?><a/>'::xml, '<a/>'::xml::text
'<a/>'::xml = '<a/>'::xml
1 +
nosuch(1)
1 + 'a'
'a'::text + 1
lower(1)
length(1, 2)
nosuchcolumn
interval '1 day' + 1
