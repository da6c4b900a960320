import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readStatements } from '../src/sql/statements.ts'
import type { Dialect } from '../src/sql/tokens.ts'
import { usedDatabase } from '../src/sql/use.ts'

/** As in `insert a,b; select c`. */
const said = (text: string, dialect: Dialect = 'postgresql') =>
  readStatements(text, dialect)
    ?.map(({ verb, tables }) => [verb, tables.join(',')].join(' ').trim())
    .join('; ')

describe('what a text does to which tables', () => {
  test.each([
    ['select 1', 'select'],
    ['SELECT * FROM Orders o WHERE id = $1', 'select orders'],
    ['select * from shop.orders, "Users" u, logs as l', 'select Users,logs,shop.orders'],
    ['select * from a join b on a.x = b.x left outer join c using (y)', 'select a,b,c'],
    ['select (select max(x) from b) from a where y in (select y from c)', 'select a,b,c'],
    ['insert into a (x, y) values (1, 2) on conflict (x) do update set y = 3', 'insert a'],
    ['insert into a select x from b', 'insert a; select b'],
    ['update a set x = 1 from b where a.id = b.id', 'update a; select b'],
    ['delete from a using b where a.id = b.id', 'delete a; select b'],
    ['delete from only a', 'delete a'],
    ['truncate table a, b', 'truncate a,b'],
    ['copy a from stdin', 'copy a'],
    ['create table if not exists a (x int references b on delete cascade)', 'create a'],
    ['drop table if exists a, b', 'drop a,b'],
    ['alter table a add column x int', 'alter a'],
    ['begin; select 1 from a; commit', 'begin; select a; commit'],
    ['select extract(year from t) from a where x is distinct from y', 'select a'],
    ['select * from a for update', 'select a'],
    ['select * from generate_series(1, 3) g, a', 'select a'],
    ['with x as (select * from a) select * from x join b on true', 'select a,b'],
    ['with d as (delete from a returning *) select * from d', 'delete a'],
    ['with recursive r (n) as (select 1 from a union all select n from r) select * from r', 'select a'],
    ['explain analyze delete from a', 'explain; delete a'],
    ['prepare p as update a set x = 1', 'prepare; update a'],
    ['select 1 union select x from a', 'select a'],
    ['merge into a using b on a.i = b.i when matched then update set x = 1', 'merge a,b'],
  ])('%s', (text, expected) => expect(said(text)).toBe(expected))

  test.each<[string, Dialect, string]>([
    ['select 1 -- from a\n from b', 'postgresql', 'select b'],
    ['select /* from a /* nested */ from b */ 1 from c', 'postgresql', 'select c'],
    ['select /* from a /* not nested */ 1 from c', 'mysql', 'select c'],
    ["select ' from a; drop table b' from c", 'postgresql', 'select c'],
    ["select 'it''s; drop table b' from c", 'postgresql', 'select c'],
    [String.raw`select 'a\' from c; delete from d where x = 'y'`, 'postgresql', 'select c; delete d'],
    [String.raw`select 'a\' from c; delete from d where x = ' from e`, 'mysql', 'select e'],
    [String.raw`select E'a\' from c' from d`, 'postgresql', 'select d'],
    ['select $$ from a; drop table b $$ from c', 'postgresql', 'select c'],
    ['select $x$ $$ from a $x$ from c', 'postgresql', 'select c'],
    ['select 1 /*!50000 from a */', 'mysql', 'select a'],
    ['/*!99999 drop table a */', 'mysql', 'drop a'],
    ['select 1 # from a\n from b', 'mysql', 'select b'],
    ['select 5--1 from b', 'mysql', 'select b'],
    ['select `from` from `b c`', 'mysql', 'select b c'],
    ['select "from a" from b', 'mysql', 'select b'],
    ['select replace(x, 1, 2), insert(y, 1, 2, 3) from a', 'mysql', 'select a'],
    ['replace into a values (1)', 'mysql', 'replace a'],
    ['insert ignore a set x = 1', 'mysql', 'insert a'],
    ['insert a values (1) on duplicate key update x = 2', 'mysql', 'insert a'],
    ['select top 1 * from [Order Details] d', 'sqlserver', 'select Order Details'],
    ['select 1 from a drop table b', 'sqlserver', 'select a; drop b'],
    ["select 1 from a option (use hint ('x'))", 'sqlserver', 'select a'],
    ['select [drop] from a exec x', 'sqlserver', 'select a; execute'],
  ])('%s in %s', (text, dialect, expected) => expect(said(text, dialect)).toBe(expected))

  test.each<[string, Dialect]>([
    ["select 'no end", 'postgresql'],
    ['select /* no end', 'postgresql'],
    ['select $$ no end', 'postgresql'],
    ['select "no end', 'postgresql'],
    [`select ${'1,'.repeat(20_000)}`, 'postgresql'],
  ])('is not guessed: %.30s', (text, dialect) => expect(readStatements(text, dialect)).toBeUndefined())

  test('any text is read or refused', () => {
    const words = fc.constantFrom(
      'select',
      'from',
      'a',
      ',',
      '(',
      ')',
      "'",
      '"',
      '/*',
      '*/',
      '--',
      '\n',
      ';',
      '$$',
      'with',
      'as',
      '.',
      'insert',
      'into',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map(all => all.join(' ')),
        ),
        text => {
          for (const dialect of ['postgresql', 'mysql', 'sqlserver', 'other'] as const) {
            for (const { verb } of readStatements(text, dialect) ?? []) expect(verb).not.toBe('')
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

test.each([
  ['use shop', 'shop'],
  ['USE [Order Stock] ; ', 'Order Stock'],
  ['use "Shop"', 'Shop'],
  ['use shop; drop table a', undefined],
  ['select 1', undefined],
  [`use a${' '.repeat(50_000)}x`, undefined],
])('the database of %.30s', (text, database) => expect(usedDatabase(text)).toBe(database))
