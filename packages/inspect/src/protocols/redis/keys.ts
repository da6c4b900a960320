/** Where a command's keys are among its arguments, the first of which has number 1. `step` 2 passes over values. */
interface Place {
  readonly first: number
  /** Counted from the end where negative: -1 is the last argument. Absent: only the first. */
  readonly last?: number
  readonly step?: number
}

const ALL: Place = { first: 1, last: -1 }
const ALL_BUT_LAST: Place = { first: 1, last: -2 }
const PAIRS: Place = { first: 1, last: -1, step: 2 }
const SECOND: Place = { first: 2 }
const TWO: Place = { first: 1, last: 2 }
const FIRST: Place = { first: 1 }

/** Commands without keys, or whose first argument is no key (https://redis.io/commands, "key specifications"). */
const WITHOUT = new Set(
  `ACL ASKING AUTH BGREWRITEAOF BGSAVE CLIENT CLUSTER COMMAND CONFIG DBSIZE DEBUG DISCARD ECHO EXEC FAILOVER FLUSHALL
   FLUSHDB FUNCTION HELLO INFO KEYS LASTSAVE LATENCY LOLWUT MODULE MONITOR MULTI PING PSUBSCRIBE PSYNC PUBLISH
   PUBSUB PUNSUBSCRIBE QUIT RANDOMKEY READONLY READWRITE REPLCONF REPLICAOF RESET ROLE SAVE SCAN SCRIPT SELECT
   SHUTDOWN SLAVEOF SLOWLOG SPUBLISH SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE SWAPDB SYNC TIME UNSUBSCRIBE UNWATCH WAIT
   WAITAOF`.split(/\s+/),
)

const PLACES: Readonly<Record<string, Place>> = {
  ...Object.fromEntries(
    'DEL EXISTS MGET PFCOUNT PFMERGE SDIFF SDIFFSTORE SINTER SINTERSTORE SUNION SUNIONSTORE TOUCH UNLINK WATCH'
      .split(' ')
      .map(name => [name, ALL]),
  ),
  ...Object.fromEntries('BLPOP BRPOP BZPOPMAX BZPOPMIN'.split(' ').map(name => [name, ALL_BUT_LAST])),
  ...Object.fromEntries('MSET MSETNX'.split(' ').map(name => [name, PAIRS])),
  ...Object.fromEntries(
    'BLMOVE BRPOPLPUSH COPY GEOSEARCHSTORE LCS LMOVE RENAME RENAMENX RPOPLPUSH SMOVE ZRANGESTORE'
      .split(' ')
      .map(name => [name, TWO]),
  ),
  ...Object.fromEntries('MEMORY OBJECT XGROUP XINFO'.split(' ').map(name => [name, SECOND])),
  BITOP: { first: 2, last: -1 },
}

/** The argument that says how many keys follow it. */
const COUNTED: Readonly<Record<string, number>> = {
  BLMPOP: 2,
  BZMPOP: 2,
  EVAL: 2,
  EVALSHA: 2,
  EVALSHA_RO: 2,
  EVAL_RO: 2,
  FCALL: 2,
  FCALL_RO: 2,
  LMPOP: 1,
  SINTERCARD: 1,
  ZDIFF: 1,
  ZDIFFSTORE: 2,
  ZINTER: 1,
  ZINTERCARD: 1,
  ZINTERSTORE: 2,
  ZMPOP: 1,
  ZUNION: 1,
  ZUNIONSTORE: 2,
}
/** Their first argument is a key besides the counted ones. */
const DESTINATION_FIRST = new Set(['ZDIFFSTORE', 'ZINTERSTORE', 'ZUNIONSTORE'])

/**
 * The keys of a command, as far as its name says where they are; of a command that is not known its first argument,
 * which is where new commands have it.
 * @param command in upper case. @param args without the command.
 */
export function keysOf(command: string, args: readonly string[]): readonly string[] {
  if (WITHOUT.has(command)) return []
  const count = COUNTED[command]
  if (count !== undefined) return counted(command, args, count)
  if (command === 'XREAD' || command === 'XREADGROUP') return streams(args)
  if (command === 'MIGRATE') return migrated(args)
  const { first, last = first, step = 1 } = PLACES[command] ?? FIRST
  const end = last < 0 ? args.length + last + 1 : last
  return args.slice(first - 1, end).filter((_, at) => at % step === 0)
}

function counted(command: string, args: readonly string[], at: number): readonly string[] {
  const count = Number(args[at - 1])
  const keys = Number.isInteger(count) && count >= 0 ? args.slice(at, at + count) : args.slice(at)
  return DESTINATION_FIRST.has(command) ? [...args.slice(0, 1), ...keys] : keys
}

/** `STREAMS key … id …`: the first half of what follows. */
function streams(args: readonly string[]): readonly string[] {
  const at = args.findIndex(argument => argument.toUpperCase() === 'STREAMS')
  const rest = at < 0 ? [] : args.slice(at + 1)
  return rest.slice(0, Math.ceil(rest.length / 2))
}

/** `MIGRATE host port key|"" … [KEYS key …]`. */
function migrated(args: readonly string[]): readonly string[] {
  const at = args.findIndex(argument => argument.toUpperCase() === 'KEYS')
  return at < 0 ? args.slice(2, 3) : args.slice(at + 1)
}
