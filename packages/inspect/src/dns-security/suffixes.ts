/*
 * Where a name stops being a registry's and starts being its owner's: `example.co.uk`, not `co.uk`. The public suffix list
 * has nine thousand rules; these few give the same answer for nearly every name that machines look up (docs/dns-security.md
 * says how nearly), cost no dependency in a root program, and where they differ, a name is grouped a label too far up or
 * down, and no address is reached by it.
 */

/** Under any country's domain: registries nearly everywhere sell names below these. */
const ANYWHERE = new Set('com net org edu gov mil ac co'.split(' '))

/** More of a country's own. */
const COUNTRIES: Readonly<Record<string, string>> = {
  ar: 'gob int tur musica coop bet',
  at: 'or gv',
  au: 'id asn',
  be: 'ac',
  br: 'adv app art blog eco emp eng esp etc flog g12 gov ind inf jus leg med mp nom odo ong psi rec srv tmp tur tv vet wiki b',
  ca: 'ab bc mb nb nf nl ns nt nu on pe qc sk yk gc',
  cl: 'gob',
  cn: 'ah bj cq fj gd gs gx gz ha hb he hi hk hl hn jl js jx ln mo nm nx qh sc sd sh sn sx tj tw xj xz yn zj',
  cr: 'ed fi go or sa',
  cy: 'biz ltd pro press tm',
  ec: 'fin gob info k12 med pro',
  es: 'gob nom',
  fr: 'asso gouv nom prd tm',
  gr: 'gov',
  hk: 'idv',
  hu: 'info priv sport tm film hotel ingatlan jogasz lakas reklam szex tozsde utazas agrar bolt casino erotica erotika forum games konyvelo media news shop suli video',
  id: 'biz desa go my or ponpes sch web',
  il: 'idf k12 muni',
  in: 'firm gen ind info nic res io me pro tv uk up us cs coop business internet travel post',
  it: 'gov edu',
  jp: 'ad ed go gr lg ne or',
  ke: 'go info me mobi ne or sc',
  kr: 'go hs kg ms ne or pe re sc es busan seoul',
  mx: 'gob',
  my: 'name biz',
  ng: 'i mobi name sch',
  nz: 'cri geek gen govt health iwi kiwi maori parliament school',
  pe: 'gob nom',
  ph: 'ngo i',
  pk: 'biz fam gok gob gon gop gos info web',
  pl: 'agro aid atm auto biz gmina gsm info mail media miasta nieruchomosci nom pc powiat priv realestate rel sex shop sklep sos szkola targi tm tourism travel turystyka waw krakow wroclaw poznan gdansk lodz szczecin katowice bydgoszcz lublin opole',
  pt: 'gov int nome publ',
  py: 'coop gov',
  ro: 'arts firm info nom nt rec store tm www',
  rs: 'in',
  ru: 'msk spb nov',
  se: 'fh fhsk fhv komforb kommunalforbund komvux lanbib naturbruksgymn parti pp press tm',
  sg: 'per',
  th: 'go in mi or',
  tr: 'av bbs bel biz dr gen info kep k12 name pol tel tsk tv web bbs',
  tw: 'club ebiz game idv',
  tz: 'go hotel info me mobi ne or sc tv',
  ua: 'in kiev kyiv kharkov kharkiv lviv odessa odesa dp dnepropetrovsk donetsk zp zt vn if km mk pl poltava sumy te rv ks cherkassy chernigov ck cn cv',
  ug: 'go ne or sc',
  uk: 'gov ltd me nhs plc police sch',
  us: 'dni fed isa kids nsn',
  uy: 'gub',
  ve: 'gob info web arts bib e12 firm int nom rar rec store tec',
  vn: 'biz health id info int io name pro ai',
  za: 'agric alt grondar law ngo nic nis nom school tm web',
}

/**
 * Below these everybody gets a name of his own choice, so that what one of them does says nothing of the others. Generated
 * domain names often live here.
 */
const DYNAMIC = new Set(
  `afraid.org blogspot.com bounceme.net changeip.com ddns.info ddns.net ddns.us ddnsking.com ddnss.de dnsalias.com
dnsalias.net dnsalias.org dnsdojo.com doesntexist.com duckdns.org dynalias.com dynalias.net dynalias.org dynamic-dns.net
dyndns-home.com dyndns-ip.com dyndns.biz dyndns.info dyndns.org dyndns.tv dynserv.com dynu.net dynv6.net eu.org
freeddns.org from-me.org ftpaccess.cc giize.com github.io gitlab.io gleeze.com gotdns.com gotdns.org homedns.org
homeftp.net homeip.net homelinux.com homelinux.net homelinux.org homeunix.com homeunix.net homeunix.org hopto.org
kozow.com loseyourip.com mooo.com myds.me myftp.biz myftp.org myvnc.com mywire.org no-ip.biz no-ip.info no-ip.org
noip.me ooguy.com podzone.net pp.ua redirectme.net selfip.com selfip.net servebeer.com serveblog.net serveftp.com
servegame.com servehttp.com serveirc.com serveminecraft.net synology.me sytes.net us.to webhop.net weebly.com
wordpress.com yi.org zapto.org`.split(/\s+/),
)

/** The same, but the provider makes the names: they look generated, and are. */
const CLOUDS = new Set(
  `appspot.com azureedge.net azurewebsites.net blob.core.windows.net cloudapp.net cloudfront.net cloudfunctions.net
compute.amazonaws.com elb.amazonaws.com fastly.net firebaseapp.com firebaseio.com fly.dev githubusercontent.com
herokuapp.com myshopify.com netlify.app ngrok-free.app ngrok.app ngrok.io now.sh onrender.com pages.dev rhcloud.com
run.app s3.amazonaws.com trafficmanager.net trycloudflare.com tunnelto.dev vercel.app web.app wixsite.com
workers.dev`.split(/\s+/),
)
const isHosted = (domain: string): boolean => DYNAMIC.has(domain) || CLOUDS.has(domain)

const SECOND = new Map(
  Object.entries(COUNTRIES).map(([country, words]) => [country, new Set(words.split(' '))] as const),
)
/** Everything below them but one label is the registry's: `www.ck` is the one exception, of no weight here. */
const WHOLE = new Set('bd ck er fk jm kh mm np pg'.split(' '))

const isSecond = (word: string, country: string): boolean =>
  ANYWHERE.has(word) || WHOLE.has(country) || SECOND.get(country)?.has(word) === true

/** How many of the last labels are a registry's or a host's. Names are lower case without the last dot. */
function suffixLabels(labels: readonly string[]): number {
  const [top = '', second = '', third = '', fourth = ''] = labels.toReversed()
  const three = `${third}.${second}.${top}`
  if (isHosted(`${fourth}.${three}`)) return 4
  if (isHosted(three)) return 3
  if (isHosted(`${second}.${top}`)) return 2
  return top.length === 2 && isSecond(second, top) ? 2 : 1
}

export interface Registered {
  /** `example.co.uk` of `www.shop.example.co.uk`; the name itself where it is a suffix or a single label. */
  readonly domain: string
  /** `example`. */
  readonly label: string
  /** `www.shop`; empty where nothing is below. */
  readonly below: string
  /** The label is one that a cloud gave. */
  readonly isAssigned: boolean
}

/** Whose a name is. */
export function registeredOf(name: string): Registered {
  const labels = name.split('.')
  const suffix = Math.min(suffixLabels(labels), labels.length - 1)
  const at = labels.length - suffix - 1
  return {
    domain: labels.slice(at).join('.'),
    label: labels[at] ?? '',
    below: labels.slice(0, at).join('.'),
    isAssigned: CLOUDS.has(labels.slice(at + 1).join('.')),
  }
}
