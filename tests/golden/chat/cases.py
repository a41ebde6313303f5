"""Small expressions and statements; VARS are the variables of all of them."""

VARS = {
    "x": 7, "y": -3, "z": 0, "f": 2.5, "big": 1e22, "tiny": 1.5e-7, "t": True, "n": None,
    "s": "Hello World", "e": "", "u": "na\u00efve \u00dcber \u4e16\u754c", "pad": "  two words \n",
    "l": [3, 1, 2], "ll": [[1, 2], [3]], "names": ["bob", "Alice", "carol"],
    "d": {"b": 1, "a": 2, "items": 3}, "deep": {"k": [{"v": "in"}]},
    "people": [{"name": "Ann", "age": 30, "ok": True}, {"name": "bob", "age": 25},
               {"name": "Cy", "age": 30, "ok": False}],
    "q": "it's \"q\" \\ \n\t\u0001\u00e9\u2028", "lines": "one\ntwo\n\nthree\n",
    "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {
        "type": "object", "properties": {"a": {"type": "string", "description": "<a> & 'b'"}},
        "required": ["a"]}}}],
}

EXPRESSIONS = """
1
1_000 + 0x1F + 0b101 + 0o17
1.5
1e3
1.5e-7
2.0
1e16
123456789012345680.0
0.1 + 0.2
1/3
-7 // 2
-7 % 3
7 % -3
7.5 // 2
-7.5 % 2
7.5 % -2
2 ** 10
2 ** -1
2 ** 3 ** 2
-2 ** 2
2.0 ** 0.5
1 + 2 * 3 - 4 / 2
(1 + 2) * 3
10 / 2
10 // 3
x + y
x - y * 2
+x
-x
- -x
x ~ y
x ~ 'a' ~ f ~ n ~ t
1 ~ 2 + 3
1 + 2 ~ 3
'a' ~ 1 + 2
"a" "b" 'c'
'a' + 'b'
'ab' * 3
3 * 'ab'
[1] * 2
[1] + [2, 3]
(1,) + (2,)
(1, 2)
(1,)
()
[]
{}
[1, 'a', none, true, 1.0]
{'a': 1, 'b': [1, {'c': none}]}
{1: 2, 'x': 3, none: 4}
true
false
none
True
False
None
t
n
missing
missing.a
missing['a']
missing + 1
missing ~ 'x'
missing == none
missing == other
missing or 'x'
not missing
missing | length
missing | list
missing is defined
missing is undefined
missing is none
missing in l
'a' in missing
-missing
missing < 1
n.a
n['a']
n.a.b
x.a
x.a is defined
l.a is defined
s.a is defined
s['a'] is defined
d.missing is defined
d['missing'] is defined
d.a
d['a']
d['items']
d['items'] is number
d.keys() | list
d.values() | list
d.get('a')
d.get('zz')
d.get('zz', 5)
d.pop('a')
d.update({'a': 1})
d.copy()
l.append(1)
l.index(2)
l.count(1)
l.sort()
deep.k[0].v
deep.k.0.v
deep['k'][0]['v']
deep.k[-1].v
deep.k[5]
deep.k[5] is defined
l[0]
l[-1]
l[5]
l[5] | default('none')
l[1:]
l[:2]
l[::-1]
l[::2]
l[-2:]
l[5:]
l[:-1]
l[2:0:-1]
l[-100:100]
l[::0]
l[none:2]
l['a']
s[0]
s[-1]
s[0:5]
s[::-1]
s[::2]
s[6:]
s[100:]
s[-5:-1]
u[2]
u[::-1]
u[-2:]
u[1:3]
(1, 2, 3)[1:]
d[1:2]
x[0]
1 < 2
1 < 2 < 3
1 < 2 > 3
3 > 2 > 1
1 == 1.0
1 == true
1 == '1'
'a' < 'b'
'a' < 1
n < 1
[1, 2] < [1, 3]
[1, 2] == [1, 2]
(1, 2) == [1, 2]
{'a': 1} == {'a': 1.0}
{'a': 1, 'b': 2} == {'b': 2, 'a': 1}
1 != 2
1 in l
9 in l
9 not in l
'a' in d
'zz' in d
'ell' in s
'' in s
1 in s
not 1 in l
1 in 5
1 in none
(1, 2) in [(1, 2)]
[1] in d
not true
not true or true
not (true or true)
true and false or true
0 or 'x'
'' or none
'a' and 'b'
0 and 1
1 and none
'yes' if t else 'no'
'yes' if z else 'no'
'yes' if z
('yes' if z) is defined
1 if z else 2 if z else 3
1 if t else 2 if z else 3
(1 if z else 2) + 1
'a' if x is defined and x > 3 else 'b'
x is defined
x is not defined
not x is defined
x is number and x is integer
f is float
f is integer
t is integer
t is number
t is boolean
x is boolean
t is true
t is false
x is true
n is none
s is string
x is string
d is mapping
l is mapping
l is sequence
s is sequence
d is sequence
x is sequence
l is iterable
s is iterable
x is iterable
n is iterable
x is odd
x is even
z is even
x is divisibleby 7
x is divisibleby(2)
x is eq 7
x is eq(7)
x is equalto 7
x is ne 7
x is gt 3
x is ge 7
x is lt 3
x is le 7
x is greaterthan 3
x is lessthan 3
x is in [1, 7]
x is not in [1, 7]
x is in l
x is sameas 7
n is sameas none
t is sameas true
'abc' is lower
'ABC' is upper
'Abc' is lower
s is upper
range is callable
x is callable
'upper' is filter
'nope' is filter
'odd' is test
x is nope
x is string or x is number
x + 1 is odd
x is odd ~ 'a'
(x + 1) is even
s | upper
s | lower
s | title
s | capitalize
'hello wORLD-foo (bar) [baz]' | title
"they're here" | title
u | upper
u | lower
u | title
u | capitalize
'stra\u00dfe' | upper
pad | trim
pad | trim ~ '|'
'xxaxx' | trim('x')
'xyaxy' | trim('yx')
s | length
u | length
l | length
d | length
x | length
n | length
s | count
l | join
l | join(', ')
l | join(d=',')
l | join(x)
s | join('-')
people | join(', ', attribute='name')
d | join('+')
n | join
names | sort
names | sort(reverse=true)
names | sort(case_sensitive=true)
l | sort
l | sort(true)
[1, 'a'] | sort
[3, 1.5, true] | sort
people | sort(attribute='age') | map(attribute='name') | list
people | sort(attribute='age', reverse=true) | map(attribute='name') | list
people | sort(attribute='age,name') | map(attribute='name') | list
people | map(attribute='name') | join(' ')
people | map(attribute='ok') | list
people | map(attribute='ok', default='?') | list
names | map('upper') | list
names | map('replace', 'b', 'B') | list
names | map('length') | sum
names | map('nope') | list
l | map('string') | join
l | select('odd') | list
l | select('gt', 1) | list
l | select('>', 1) | list
l | select | list
[0, 1, '', 'a', none] | select | list
[0, 1, '', 'a', none] | reject | list
l | reject('odd') | list
l | reject('in', [1, 2]) | list
people | selectattr('ok') | map(attribute='name') | list
people | selectattr('ok', 'defined') | list | length
people | rejectattr('ok') | map(attribute='name') | list
people | selectattr('age', 'equalto', 30) | map(attribute='name') | list
people | selectattr('age', '==', 30) | list | length
people | rejectattr('age', 'eq', 30) | map(attribute='name') | join
messages | selectattr('role', 'equalto', 'user') | list
messages | selectattr('role', 'in', ['user', 'system']) | list | length
missing | selectattr('a') | list
n | select | list
ll | map('first') | list
ll | map('last') | list
ll | map('sum') | list
ll | map(attribute=0) | list
ll | map(attribute='0') | list
people | map(attribute='name.0') | list
l | first
l | last
[] | first
[] | last
s | first
s | last
u | last
d | first
l | max
l | min
names | max
names | min
[] | max
people | max(attribute='age')
l | sum
l | sum(start=10)
people | sum(attribute='age')
names | sum
l | reverse | list
s | reverse
d | reverse | list
l | list
s | list
d | list
d | items | list
missing | items | list
l | items | list
d | dictsort
d | dictsort(by='value')
d | dictsort(reverse=true)
{'B': 1, 'a': 2, 'C': 0} | dictsort
{'B': 1, 'a': 2, 'C': 0} | dictsort(true)
[1, 2, 1, 3] | unique | list
['a', 'A', 'b'] | unique | list
['a', 'A', 'b'] | unique(true) | list
people | unique(attribute='age') | map(attribute='name') | list
people | groupby('age') | list | length
l | batch(2) | list
l | batch(2, 'x') | list
missing | default('d')
missing | default
missing | d('x')
e | default('d')
e | default('d', true)
e | default('d', boolean=true)
n | default('d')
n | default('d', true)
z | default(1, true)
missing.a | default('d')
'42' | int
'4.7' | int
'abc' | int
'abc' | int(5)
'0x1F' | int(base=16)
'1f' | int(0, 16)
' 12 ' | int
'-3' | int
'1_000' | int
4.9 | int
-4.9 | int
t | int
n | int
l | int
'3.5' | float
'x' | float
'x' | float(1.5)
x | float
'1e3' | float
n | float
x | string
f | string
l | string
n | string ~ '!'
s | replace('o', '0')
s | replace('o', '0', 1)
s | replace('', '-')
s | replace('l', '')
x | replace('7', '8')
y | abs
f | abs
s | abs
f | round
2.567 | round(2)
2.5 | round
3.5 | round
2.567 | round(1, 'ceil')
2.567 | round(1, 'floor')
x | round
1234.5 | round(-2)
2.567 | round(method='nope')
lines | indent
lines | indent(2)
lines | indent(2, true)
lines | indent(2, first=true)
lines | indent(2, blank=true)
lines | indent('>> ')
lines | indent(width=3, first=true, blank=true)
'' | indent
s | center(20)
s | center(21)
s | truncate(5)
s | truncate(5, true)
s | truncate(5, true, '', 0)
'one two three four five' | truncate(12)
'one two three four five' | truncate(12, false, '..', 0)
'one two three' | wordcount
'a-b c_d' | wordcount
'<a href="x">&\\'' | e
'<b>' | escape
'<b>' | safe
'a b/c?d=\u00e9' | urlencode
'%s is %d' | format('x', 3)
'%s' | format(l)
'%05.2f|%x' | format(3.14159, 255)
'%s %s' | format('a')
'%s and %s' % ('a', 1)
'%d%%' % 50
'{} {}'.format('a', 1)
'{0}{1}{0}'.format('a', 'b')
'{name}!'.format(name='x')
'{{}}'.format()
d | attr('a') is defined
s | nope
s | upper | lower | title
s|upper ~ '!'
(s ~ '!') | upper
s ~ '!' | upper
-3 | abs
- 3 | abs
[1, 2, 3] | sum / 2
l | tojson
d | tojson
tools | tojson
tools | tojson(indent=2)
tools | tojson(indent=4)
tools[0] | tojson(indent=0)
d | tojson(indent='--')
d | tojson(separators=(',', ':'))
d | tojson(separators=(',', ':'), indent=1)
d | tojson(sort_keys=true)
u | tojson
u | tojson(ensure_ascii=true)
u | tojson(true)
q | tojson
'<script>&\\'' | tojson
x | tojson
f | tojson
big | tojson
tiny | tojson
1.0 | tojson
t | tojson
n | tojson
missing | tojson
[] | tojson
{} | tojson
[[], {}, [1]] | tojson(indent=2)
(1, 2) | tojson
{1: 2, none: 3, true: 4} | tojson
'\\U0001F600' | tojson(ensure_ascii=true)
range | tojson
q
[q]
[u, s]
["it's"]
['"']
["it's \\"q\\""]
['\\x00\\x7f\\xa0\\u2028\\u4e16\\\\']
{'k': 'v\\n'}
[none, true, 1.5, missing]
big
tiny
[1e100, 1e-5, 0.0001, 100000.0]
1e15
1e16 + 0.5
123456.789
'a\\tb\\\\c\\'d\\"e'
'\\x41\\u00e9\\U0001F600\\101'
'\\q\\d'
'a\\
b'
'\\xZZ'
s.upper()
s.lower()
s.title()
s.capitalize()
s.swapcase()
"they're x1y".title()
pad.strip()
pad.lstrip() ~ '|'
pad.rstrip() ~ '|'
'xxhixx'.strip('x')
'xyhixy'.lstrip('yx')
'a.b.c'.rstrip('.c')
s.split()
s.split('o')
s.split('o', 1)
s.split(' ')[-1]
' a  b '.split()
' a  b '.split(' ')
' a  b c '.split(none, 1)
'a,b,,c'.split(',')
''.split()
''.split(',')
'a,b,c'.rsplit(',', 1)
'a,b,c'.rsplit(',')
'abc'.rsplit(',', 1)
s.split('')
'a</think>b'.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n')
'a</think>b'.partition('</think>')
'ab'.partition('x')
'a.b.c'.rpartition('.')
'ab'.rpartition('x')
lines.splitlines()
lines.splitlines(true)
'a\\r\\nb\\rc'.splitlines()
''.splitlines()
s.startswith('He')
s.startswith('x')
s.startswith(('x', 'He'))
s.endswith('ld')
s.endswith(1)
s.find('o')
s.find('zz')
s.rfind('o')
u.find('\u4e16')
s.index('W')
s.index('zz')
s.count('l')
s.count('')
s.replace('l', 'L')
s.replace('l', 'L', 1)
s.replace('', '.')
s.replace('l', 1)
s.removeprefix('Hello ')
s.removesuffix('ld')
s.removeprefix('x')
'-'.join(['a', 'b'])
'-'.join([1])
'-'.join('abc')
'42'.zfill(5)
'-42'.zfill(5)
'a'.ljust(3, '.') ~ 'a'.rjust(3, '.') ~ 'a'.center(4, '.') ~ 'ab'.center(5, '.')
'12'.isdigit()
'1a'.isdigit()
''.isdigit()
'ab'.isalpha()
'a1'.isalnum()
' \\t'.isspace()
'AB'.isupper()
'ab1'.islower()
'12'.isnumeric()
'12'.isdecimal()
'ab'.isascii()
s.nope()
s.__class__
range(3) | list
range(1, 4) | list
range(5, 0, -2) | list
range(0) | list
range(3)[1]
range(1000000) | list
range('a')
dict(a=1, b=2)
dict({'a': 1}, b=2)
dict([('a', 1), ['b', 2]])
namespace(a=1).a
namespace(a=1).b is defined
namespace({'a': 3}).a
strftime_now('%Y-%m-%d')
strftime_now('%d %b %Y %H:%M')
raise_exception('no')
nofunc()
x()
s()
{'a': 1}['a']
{'a': {'b': 2}}.a.b
[1, 2, 3][1]
'abc'[1]
('a' 'b')[0]
{'if': 1}.if
{'in': 1}.in ~ {'not': 2}.not
[1, 2,]
{'a': 1,}
(1, 2,)
[x, y][0] if t else 1
1 if
1 +
(1
[1
{'a'
a b
'unterminated
1 ~
@
l[
l[1
x.
x |
x is
x..y
f(a b)
f(a=1, 2)
dict(a=1,)
[*l]
lambda x: x
x := 1
x == 7 == true
l == l[:]
1 <= x <= 10
messages[0].role == 'user'
messages[0]['role'] + ': ' + messages[0]['content'] | trim
messages[-1].role
messages[-1]['content'] is string
messages | length > 1
messages[1:] | map(attribute='role') | join(',')
loop is defined
(messages | last).content
(tools | first).function.parameters.properties.a.type
tools[0].function.parameters.properties | length
tools[0].function.parameters.required is defined and 'a' in tools[0].function.parameters.required
tools[0]['function'] | tojson
tools is iterable and tools is not mapping
tools is not none and tools | length > 0
tools and 'yes'
d.items() | list | length
d.items() | map('first') | list
'x' in 'xyz' and 'y' not in 'abc'
[1,2] | string | length
true | string
1.0 | string
7 | string | int + 1
(7 | string) ~ 1
true + 1
true and 1
false == 0
1.5 == 1.5
'a' == 'a'
none == none
[] == []
not []
not {}
not ''
not 0.0
missing is defined and missing.a
missing is not defined or missing.a
s is string and s | length > 3
x | string is string
x | abs is number
""".strip("\n").split("\n")

# A line of the list that continues in the next one was cut above: put it together again.
EXPRESSIONS = [e for e in "\n".join(EXPRESSIONS).replace("\\\nb'", "\\\0b'").split("\n")]
EXPRESSIONS = [e.replace("\0", "\n") for e in EXPRESSIONS]

STATEMENTS = [
    "", "plain", "a\n", "a\n\n", "\n", "a\r\nb\rc", "{", "{ {", "}} %} #}", "{{ '{{' }}", "{{'}}'}}", "{{ {'a': {'b': 1}}}}",
    "{# c #}x", "a{# c\nd #}b", "a {#- c -#} b", "a\n  {# c #}\nb", "a\n  {#+ c #}\nb", "{#-#}x", "{# a", "{#+ c +#}\nx",
    "{{ x }}\ny", "{{ x }}\n\ny\n", "a\n {{ x }}\n b", "a {{- x -}} b", "a\n\n{{- x }}\n", "{{ x -}}\n\n b", "a{{+ x }}",
    "{% if t %}\nyes\n{% endif %}\n", "{% if z %}\nyes\n{% else %}\nno\n{% endif %}\nend", "  {% if t %}\n  a\n  {% endif %}\nb",
    "x  {% if t %}a{% endif %}", "  {%+ if t %}a{% endif %}", "\n\n  {% if t -%}\n  a\n  {%- endif %}\n\nb", "{% if t +%}\na{% endif +%}\nb",
    "a\n\t {%- if t %} b {% endif -%} \n c", "{% if t %}a{% endif %}\n\n{% if t %}b{% endif %}", "{%- if t -%} a {%- endif -%}",
    "{% if z %}a{% elif x == 7 %}b{% elif t %}c{% else %}d{% endif %}", "{% if z %}a{% elif z %}b{% else %}d{% endif %}",
    "{% if t %}{% endif %}", "{% if %}{% endif %}", "{% if t %}", "{% endif %}", "{% else %}", "{% if t %}a{% else %}b{% elif t %}c{% endif %}",
    "{% for i in l %}{{ i }},{% endfor %}", "{% for i in l %}\n{{ i }}\n{% endfor %}\n", "{% for i in [] %}a{% else %}empty{% endfor %}",
    "{% for i in l %}a{% else %}empty{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }};{% endfor %}",
    "{% for c in s %}{{ c }}.{% endfor %}", "{% for a, b in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [1] %}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for i in x %}{% endfor %}", "{% for i in n %}{% endfor %}", "{% for i in missing %}a{% else %}b{% endfor %}",
    "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {% endfor %}", "{% for i in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}",
    "{% for i in l %}{% for j in ll %}{{ loop.depth }}{{ loop.index }} {% endfor %}{{ loop.depth0 }}{% endfor %}", "{% for i in l %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for i in [1, 1, 2] %}{{ loop.changed(i) }} {% endfor %}", "{% for i in l if i > 1 %}{{ i }}{{ loop.length }} {% endfor %}", "{% for i in l if i > 5 %}a{% else %}none{% endfor %}",
    "{% for p in people if p.ok is defined %}{{ p.name }}{{ loop.last }} {% endfor %}", "{% for i in l if i is odd and i > 1 %}{{ i }}{% endfor %}",
    "{% for i in range(5) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "{% for i in range(5) %}{% if i is odd %}{% continue %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in l %}{% for j in range(9) %}{% if j > 1 %}{% break %}{% endif %}{{ j }}{% endfor %};{% endfor %}", "{% for i in [] %}{% break %}{% else %}e{% endfor %}",
    "{% for i in l[::-1] %}{{ i }}{% endfor %}", "{% for i in l | sort %}{{ i }}{% endfor %}", "{% for i in (1, 2) %}{{ i }}{% endfor %}", "{% for i in 1, 2 %}{{ i }}{% endfor %}",
    "{% for i in l %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}", "{% for i in l %}{% set x = i %}{% endfor %}{{ x }}", "{% set x = 1 %}{{ x }}",
    "{% set x = 0 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}", "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b }}", "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'assistant' %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}",
    "{% set d.x = 1 %}", "{% set l.x = 1 %}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = [3, 4] %}{{ a }}{{ b }}", "{% set a = 1, 2 %}{{ a }}", "{% set a, b = 1 %}", "{% set (a, b) = (1, 2) %}{{ b }}",
    "{% set x %}block {{ s }}{% endset %}[{{ x }}]", "{% set x | upper %}block{% endset %}{{ x }}", "{% set x | trim | upper %}  block {% endset %}[{{ x }}]", "{% set x %}\n  a\n{% endset %}{{ x | length }}",
    "{% if t %}{% set v = 1 %}{% endif %}{{ v }}", "{% if z %}{% set v = 1 %}{% endif %}{{ v is defined }}", "{% for i in l %}{% if loop.first %}{% set v = i %}{% endif %}{{ v }},{% endfor %}",
    "{% set x = 5 %}{% if t %}{% set x = x + 1 %}{% endif %}{{ x }}", "{% set x = x + 1 %}{{ x }}", "{% set none = 1 %}", "{% set true = 1 %}",
    "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=4, a=5) }}", "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}",
    "{% macro m(a) %}x{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}x{% endmacro %}{{ m(b=1) }}", "{% macro m(a) %}x{% endmacro %}{{ m(1, a=2) }}", "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}", "{% macro m(a) %}{{ a }}{{ varargs | length }}{% endmacro %}{{ m(1, 2, 3) }}", "{% macro m(a) %}{{ a }}{{ kwargs.z }}{% endmacro %}{{ m(1, z=3) }}",
    "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(5) }}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(3) }}", "{% macro m() %}{{ s }}{% endmacro %}{{ m() | upper }}",
    "{% set g = 1 %}{% macro m() %}{{ g }}{% endmacro %}{% set g = 2 %}{{ m() }}", "{% macro m() %}\n  a\n{% endmacro %}\n{{ m() }}", "{% macro m() %}{% set q = 1 %}{% endmacro %}{{ m() }}{{ q is string }}",
    "{% macro m() -%}\n x\n{%- endmacro %}[{{ m() }}]", "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}",
    "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}x{{ s }}{% endcall %}", "{% macro m() %}[{{ caller(1, 2) }}]{% endmacro %}{% call(a, b) m() %}{{ a + b }}{% endcall %}", "{% macro m(x) %}{% for i in x %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) m(l) %}<{{ i }}>{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m() %}{% if caller %}{{ caller() }}{% else %}none{% endif %}{% endmacro %}{{ m() }}", "{% call s %}x{% endcall %}", "{% call nope() %}x{% endcall %}",
    "{% filter upper %}abc{{ s }}{% endfilter %}", "{% filter trim | upper %}  abc {% endfilter %}", "{% filter replace('a', 'b') %}aaa{% endfilter %}", "{% with a = 1, b = x %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a is defined }}", "{% with a = 1, b = a %}{{ b }}{% endwith %}",
    "{% generation %}abc{% endgeneration %}", "a\n{% generation %}\nabc\n{% endgeneration %}\nb", "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}{% endfor %}",
    "{% raw %}{{ x }}{% y %}{% endraw %}", "{% raw %}\n a\n{% endraw %}\nb", "a\n  {%- raw -%}  x {%- endraw -%}  b", "{% raw %}a", "a {% raw %} {{ {% endraw %} b", "  {% raw %}x{% endraw %}", "{%raw%}x{%endraw%}",
    "{% include 'x' %}", "{% extends 'x' %}", "{% import 'a' as b %}", "{% from 'a' import b %}", "{% do x %}", "{% nope %}", "{% %}", "{%", "{{", "{{ x", "{% if x", "{{ }}", "{{ x }", "{{ x %}", "{% if x }}",
    "{% for x %}{% endfor %}", "{% for in l %}{% endfor %}", "{% set %}", "{% set x %}", "{% macro %}{% endmacro %}", 
    "{{ ')' }}", "{{ '(' }}", "{{ ) }}", "{{ (] }}", "{{ \"a'b\" }}{{ 'a\"b' }}", "{{ x }}{{ y }}", "{{x}}{{y}}", "{{x|string|length}}", "{{ x\n }}", "{%\nif\nt\n%}a{%\nendif\n%}", "{{ x, y }}", "{{ x, }}",
    "{% if x in l or x == 7 %}a{% endif %}", "{% if x not in l %}a{% endif %}", "{% if messages[0]['role'] == 'system' %}a{% else %}b{% endif %}", "{% if (x == 7) and not (z) %}a{% endif %}", "{% if not tools is defined %}a{% else %}b{% endif %}",
    "{%- for m in messages %}\n    {%- if m.role == 'user' %}\n        {{- '<u>' + m.content + '</u>' }}\n    {%- else %}\n        {{- '<a>' + m.content + '</a>' }}\n    {%- endif %}\n{%- endfor %}\n",
    "{% for m in messages %}\n  {% if m.role == 'user' %}\n    {{ m.content }}\n  {% endif %}\n{% endfor %}\n", "{%- set sep = '\\n\\n' -%}\na{{ sep }}b", "  \n  {% set x = 1 %}  \n  {{ x }}", "a {% set x = 1 %} b", "a\n{% set x = 1 %}\nb",
    "\u3000{%- if t %}a{% endif %}", "\u00a0{% if t %}a{% endif %}", "a\n\u00a0{% if t %}a{% endif %}", "\x0b{% if t %}a{% endif %}", "a\x1c {%- if t %}b{% endif %}", "{{ x -}}\u3000b",
    "{% for i in range(3) -%}\n {{ i }}\n{%- endfor %}", "{% for i in range(3) %}{{ i }}\n{% endfor %}", "{% for i in range(3) %}\n\n{{ i }}{% endfor %}", "{{ '\n' }}{% if t %}\nx{% endif %}", "{{ x }}\n  {% if t %}y{% endif %}", "{% if t %}{{ x }}\n{% endif %}  {% if t %}z{% endif %}",
    "{{ raise_exception('x' ~ x) }}", "{% if z %}{{ raise_exception('x') }}{% endif %}ok", "{{ missing.x.y }}", "{{ (missing | default({})).x is defined }}",
    "{% set m = messages[0] %}{{ m.role }}", "{% set messages = messages[1:] %}{{ messages | length }}", "{% set loop_messages = messages %}{% for m in loop_messages %}{{ m['role'] }}{% endfor %}", "{% set content = messages[0].content %}{% if content is string %}{{ content }}{% else %}{% for p in content %}{{ p.text }}{% endfor %}{% endif %}",
    "{% for t in tools %}{{ t.function.name }}: {{ t.function.parameters.properties | tojson }}{% endfor %}", "{% for name, p in tools[0].function.parameters.properties.items() %}{{ name }}: {{ p.type }}{% if name in tools[0].function.parameters.required %}!{% endif %}{% endfor %}", "{% for name, p in tools[0].function.parameters.properties | items %}{{ name }}{% endfor %}",
    "{% for g, items in people | groupby('age') %}{{ g }}:{{ items | map(attribute='name') | join(',') }};{% endfor %}", "{% for row in [1,2,3,4,5] | batch(2) %}{{ row | join('-') }};{% endfor %}", "{{ [1,2,3] | sum }}{# x #}{{ '#' }}", "{{ '{#' }}", "{% if '{%' in '{%' %}a{% endif %}",
    "{{ 'a' if t else 'b' }}{{ 'a' if z else 'b' }}", "{{ ('a', 'b')[z] }}", "{{ [x] + l if t else [] }}", "{% set a = [] %}{% for i in l %}{% set a = a + [i] %}{% endfor %}{{ a }}", "{% set ns = namespace(a=[]) %}{% for i in l %}{% set ns.a = ns.a + [i * 2] %}{% endfor %}{{ ns.a }}", "{% set ns = namespace(a='') %}{% for i in names %}{% set ns.a = ns.a ~ i %}{% endfor %}{{ ns.a }}",
    "{% set i = 5 %}{% for i in l %}{% endfor %}{{ i }}", "{% for l in l %}{{ l }}{% endfor %}{{ l }}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ x }}{{ m(1) }}{{ x }}", "{{ dict(a=1).a }}{{ {'a': 1}.items() | list }}", "{{ 1 }}{{ 2 }}\n{{ 3 }}",
    "{%- macro render(x) -%}\n{%- if x is mapping -%}{% for k, v in x.items() %}{{ k }}:{{ render(v) }};{% endfor %}{%- elif x is string -%}'{{ x }}'{%- elif x is iterable -%}[{% for i in x %}{{ render(i) }}{% endfor %}]{%- else -%}{{ x }}{%- endif -%}\n{%- endmacro -%}\n{{ render(tools) }}",
]
