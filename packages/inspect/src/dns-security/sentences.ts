import type { DnsCheck, DnsFinding, Likeness } from './finding.ts'

export type Language = 'en' | 'ja'
type Words = { readonly [K in DnsCheck]: (finding: Extract<DnsFinding, { check: K }>) => string }

const LIKE_EN: Readonly<Record<Likeness, string>> = {
  letters: 'written with letters that look the same',
  'one-letter': 'with one letter changed',
  suffix: 'under another suffix',
  part: 'with it as a part',
}
const LIKE_JA: Readonly<Record<Likeness, string>> = {
  letters: '見た目の似た文字で書かれています',
  'one-letter': '1文字だけ違います',
  suffix: '末尾のドメインだけが違います',
  part: 'その名前を一部に含みます',
}

const percent = (score: number): string => `${Math.floor(score * 1_000) / 10} %`

const EN: Words = {
  resolver: ({ resolver, name }) =>
    `${name} was asked of ${resolver}, which is not one of the configured resolvers.`,
  'unasked-answer': ({ name }) => `An answer about ${name} came that nobody had asked for.`,
  'changed-answer': ({ name, before, now }) =>
    `One question about ${name} was answered twice: first ${before}, then ${now}.`,
  'foreign-record': ({ name, owner }) =>
    `The answer about ${name} has a record about ${owner}, which was not asked for.`,
  rebinding: ({ name, address }) =>
    `${name} is a name of the Internet and leads to ${address}, which is not.`,
  tunnel: ({ domain, evidence: { names, bytes, bitsPerLetter, carrying, answerBytes, seconds } }) =>
    `Data seem to go through ${domain}: ${names} names with ${bytes} bytes of ${bitsPerLetter.toFixed(1)} bits a letter in ${seconds} s; ${carrying} questions for types that carry data, ${answerBytes} bytes of answers.`,
  generated: ({ domain, score }) => `${domain} looks as if a program had made it up (${percent(score)}).`,
  'generated-burst': ({ names, missing, example }) =>
    `${missing} domains that do not exist were asked for within five minutes, of which ${names} look made up by a program, such as ${example}.`,
  'look-alike': ({ name, like, how }) => `${name} looks like ${like}, ${LIKE_EN[how]}.`,
  'new-name': ({ domain }) => `Nobody here has asked for ${domain} before.`,
  listed: ({ name, domain, list }) =>
    name === domain
      ? `${name} is on the list ${list}.`
      : `${name} is below ${domain}, which is on the list ${list}.`,
}

const JA: Words = {
  resolver: ({ resolver, name }) =>
    `${name} が、設定されたリゾルバーではない ${resolver} に問い合わせられました。`,
  'unasked-answer': ({ name }) => `${name} について、問い合わせのない応答が届きました。`,
  'changed-answer': ({ name, before, now }) =>
    `${name} への1つの問い合わせに応答が2つ届きました。最初は ${before}、次は ${now} です。`,
  'foreign-record': ({ name, owner }) =>
    `${name} への応答に、問い合わせていない ${owner} のレコードがあります。`,
  rebinding: ({ name, address }) =>
    `${name} はインターネットの名前ですが、そうではない ${address} を指しています。`,
  tunnel: ({ domain, evidence: { names, bytes, bitsPerLetter, carrying, answerBytes, seconds } }) =>
    `${domain} を通じてデータが送られているようです。${seconds} 秒間に ${names} 個の名前、${bytes} バイト、1文字あたり ${bitsPerLetter.toFixed(1)} ビット。データを運ぶ種類の問い合わせ ${carrying} 件、応答 ${answerBytes} バイト。`,
  generated: ({ domain, score }) =>
    `${domain} はプログラムが作った名前のように見えます（${percent(score)}）。`,
  'generated-burst': ({ names, missing, example }) =>
    `存在しないドメインが5分間に ${missing} 個問い合わせられ、うち ${names} 個は ${example} のようにプログラムが作った名前に見えます。`,
  'look-alike': ({ name, like, how }) => `${name} は ${like} に似ており、${LIKE_JA[how]}。`,
  'new-name': ({ domain }) => `${domain} は、ここではこれまで問い合わせられたことがありません。`,
  listed: ({ name, domain, list }) =>
    name === domain
      ? `${name} はリスト ${list} にあります。`
      : `${name} は、リスト ${list} にある ${domain} の下の名前です。`,
}

const WORDS: Readonly<Record<Language, Words>> = { en: EN, ja: JA }

/** One sentence that people read. */
export function dnsSentence(finding: DnsFinding, language: Language): string {
  // Each word's function takes the finding of its own check.
  const say = WORDS[language][finding.check] as (finding: DnsFinding) => string
  return say(finding)
}
