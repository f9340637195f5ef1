-- What both sides hold while queries are compared.
create type mood as enum ('sad', 'ok', 'happy');
create domain positive as int check (value > 0);

create table people (
  id int primary key,
  name text not null,
  email varchar(40) unique,
  mood mood not null default 'ok',
  born date,
  height numeric(5, 2),
  score float8,
  active bool not null default true,
  tags text[] not null default '{}',
  data jsonb not null default '{}',
  seen timestamptz,
  code char(4),
  manager int references people (id)
);
create table pets (
  id int primary key,
  owner int not null references people (id) on delete cascade,
  kind text not null,
  name text,
  weight real,
  adopted timestamp,
  fed interval
);
create index on pets (owner);
create table numbers (i int, j bigint, n numeric, f float8, s smallint);
create table empty (a int, b text);
create view owners as select p.id, p.name, count(t.id) as pets from people p join pets t on t.owner = p.id group by p.id;

insert into people values
  (1, 'Ada', 'ada@example.com', 'happy', '1985-12-10', 170.5, 9.5, true, '{math,engines}', '{"age": 36, "langs": ["en", "fr"], "nested": {"a": {"b": 1}}}', '2024-03-01 10:00:00+00', 'A1', null),
  (2, 'Bob', 'bob@example.com', 'ok', '1990-02-28', 181.25, 7.25, true, '{}', '{"age": 30}', '2024-03-02 11:30:00.123456+00', 'B2', 1),
  (3, 'Çelik', null, 'sad', null, null, null, false, '{engines,NULL,"with space"}', '{"age": null, "x": 1.50}', null, 'C3  ', 1),
  (4, 'dora', 'dora@example.com', 'ok', '2000-02-29', 160.00, 1e20, true, '{a,b,c}', '[1, 2, {"k": "v"}]', '1999-12-31 23:59:59+00', null, 2),
  (5, 'Émile', 'emile@example.com', 'happy', '1970-01-01', 0.01, -0.5, false, '{"q\"uote"}', '"text"', '2030-01-01 00:00:00+00', 'E', 2);
insert into pets values
  (1, 1, 'cat', 'Tom', 4.5, '2020-05-01 08:00:00', '6 hours'), (2, 1, 'dog', 'Rex', 30, '2019-01-15 12:30:00', '1 day'),
  (3, 2, 'cat', null, 3.25, null, '00:30:00'), (4, 4, 'fish', 'Blub', 0.1, '2024-02-29 00:00:00', '1 mon 2 days'),
  (5, 4, 'cat', 'Mia', 5, '2021-07-04 18:45:10.5', null);
insert into numbers values
  (1, 10, 1.10, 1.5, 1), (2, 9223372036854775807, 99999999999999999999.99, 1e300, 32767), (-3, -5, -0.001, -2.5, -32768), (null, null, null, null, null),
  (0, 0, 0.00, 0, 0), (7, 3, 2.5, 3.5, 2), (2147483647, 1, 1e10, 'NaN', 5), (5, 2, 'NaN', 'Infinity', 3);
