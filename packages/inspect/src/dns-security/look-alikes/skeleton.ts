import { shownLabel } from './punycode.ts'

/*
 * Two names that look alike have one skeleton (the idea of Unicode TS 39 section 4): each letter is written as the one of
 * ASCII that it is read as. Of the confusables only those that are letters of everyday scripts and used for such names.
 */
const LOOKS: Readonly<Record<string, string>> = {
  a: 'аɑαạąàáâãäåā',
  b: 'ЬƅɓЪ',
  c: 'сϲçćč',
  d: 'ԁɗđď',
  e: 'еҽєẹęèéêëē',
  f: 'ƒ',
  g: 'ɡģğ',
  h: 'һհ',
  i: 'іıɩỉîïíìīι',
  j: 'јʝ',
  k: 'κкķ',
  l: 'ⅼɫłӏ1|',
  m: 'м',
  n: 'пոñńηṇ',
  o: 'оοօøọòóôõöō0',
  p: 'рρ',
  q: 'ԛգ',
  r: 'гɾŕ',
  s: 'ѕşșš5',
  t: 'тţτ',
  u: 'υսùúûüūц',
  v: 'νѵ',
  w: 'ԝωшա',
  x: 'хχ×',
  y: 'уүýÿγ',
  z: 'ʐżźž',
}
const ASCII_OF = new Map(
  Object.entries(LOOKS).flatMap(([plain, odd]) => Array.from(odd, letter => [letter, plain] as const)),
)

/** Two letters that read as one, after each has become its own. */
const PAIRS = [
  ['rn', 'm'],
  ['vv', 'w'],
  ['cl', 'd'],
] as const

/** i and l are one stroke each in many typefaces. */
export function skeletonOf(label: string): string {
  const letters = Array.from(shownLabel(label).toLowerCase(), letter => ASCII_OF.get(letter) ?? letter).join(
    '',
  )
  return PAIRS.reduce((text, [pair, one]) => text.replaceAll(pair, one), letters).replaceAll('i', 'l')
}
