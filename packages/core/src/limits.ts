export interface Limit {
  readonly value: number
  readonly unit: 'bytes' | 'items' | 'characters' | 'ms' | 'seconds'
  /** The attack or accident this stops, in one sentence. */
  readonly stops: string
}

const limit = (value: number, unit: Limit['unit'], stops: string): Limit => ({ value, unit, stops })

/** Every limit that holds foreign input, in one place; `docs/LIMITS.md` is generated from it. */
export const LIMITS = {
  documentBytes: limit(
    1_048_576,
    'bytes',
    'A policy file of gigabytes that exhausts memory while it is parsed.',
  ),
  documentsPerFile: limit(1_000, 'items', 'A file of a million tiny documents that blocks the server.'),
  problemsPerFile: limit(100, 'items', 'A file of mistakes whose report is larger than the file.'),
  yamlAliases: limit(100, 'items', 'An alias bomb ("billion laughs") that expands to gigabytes.'),
  yamlKeys: limit(1_000, 'items', 'One map of 100,000 keys, each compared with all before it.'),
  yamlDepth: limit(64, 'items', 'Deeply nested input that overflows the stack.'),
  rulesPerPolicy: limit(1_000, 'items', 'One document that makes every packet walk a million rules.'),
  peersPerRule: limit(1_000, 'items', 'One rule that expands to a million address sets.'),
  portsPerRule: limit(1_000, 'items', 'One rule that expands to a million port matches.'),
  requestsPerRule: limit(100, 'items', 'One rule that compares every request with a million descriptions.'),
  wordsPerList: limit(250, 'items', 'One description of requests with a million names in it.'),
  wordLength: limit(2_048, 'characters', 'A name or path in a rule that is as long as a file.'),
  proofPieces: limit(
    50_000_000,
    'items',
    'A question about all flows of a cluster whose rules cut them into so many pieces that its answer takes hours.',
  ),
  profilesPerPolicy: limit(16, 'items', 'One policy that sends all traffic through hundreds of inspections.'),
  parsedAddresses: limit(
    16_384,
    'items',
    'A scan from made-up addresses, each of which the policy engine would keep as parsed.',
  ),
  labelsPerWorkload: limit(256, 'items', 'A workload whose labels make each selection expensive.'),
  cniRequestBytes: limit(
    32_768,
    'bytes',
    'A request for a pod’s network whose answer does not fit into a pipe at once, so that the agent would wait for its reader.',
  ),
  cniConfigCharacters: limit(
    1_048_576,
    'characters',
    'A network configuration of gigabytes that exhausts the memory of the agent.',
  ),
  nriMessageBytes: limit(
    4_194_304,
    'bytes',
    'A container runtime’s message of gigabytes; ttrpc, by which it speaks, sends none that is longer.',
  ),
  nriRequests: limit(64, 'items', 'Requests of a container runtime that come faster than pods can wait.'),
  requestBytes: limit(16_777_216, 'bytes', 'A request body that exhausts the memory of the server.'),
  pageSize: limit(1_000, 'items', 'A page so large that building it stalls other users.'),
  reportResults: limit(
    1_000,
    'items',
    'A namespace under attack whose report no longer fits into the database of the cluster.',
  ),
  flowEdges: limit(65_536, 'items', 'A scan that makes the agent remember every port it tried.'),
  flowsPerBatch: limit(20_000, 'items', 'A batch too large to store in one short transaction.'),
  detailsPerFlow: limit(
    32,
    'items',
    'A client that signs in under another name each time, so that every flow record is a list of thousands.',
  ),
  detailValue: limit(256, 'characters', 'A banner of a megabyte in every flow record.'),
  requestsPerFlow: limit(
    32,
    'items',
    'A client that asks for another path each time, so that every flow record is a list of thousands.',
  ),
  requestName: limit(200, 'characters', 'A path of 64 KiB in the name of a request.'),
  spoolBytes: limit(268_435_456, 'bytes', 'A server away for days while the agent fills the disk.'),
  batchBytes: limit(33_554_432, 'bytes', 'A gzip bomb in an upload that inflates without end.'),
  openingBytes: limit(
    8_192,
    'bytes',
    'A conversation that never shows what it is while its first bytes are kept for every recogniser.',
  ),
  openingPackets: limit(
    12,
    'items',
    'A conversation of one byte a packet that is asked about by every recogniser for ever.',
  ),
  conversationTurns: limit(
    8,
    'items',
    'A conversation that becomes another protocol again and again, each time recognised from the start.',
  ),
  streamUnacknowledgedBytes: limit(
    8_388_608,
    'bytes',
    'A sender that never gets an answer while all it sent is kept to compare repetitions with.',
  ),
  streamUnheardBytes: limit(
    16_384,
    'bytes',
    'Thousands of streams that hold all they said, because acknowledgements pass unseen: beyond this they are looked at.',
  ),
  streamsBytes: limit(
    268_435_456,
    'bytes',
    'Thousands of such senders at once, whose streams together exhaust memory.',
  ),
  customApplications: limit(
    256,
    'items',
    'Definitions of applications that are all compared with each new conversation.',
  ),
  inspectBytes: limit(
    65_536,
    'bytes',
    'A message that never ends, kept whole until it can be judged, in thousands of conversations.',
  ),
  httpFields: limit(
    256,
    'items',
    'A head of thousands of tiny lines, each looked at again for every packet.',
  ),
  httpKeptHead: limit(
    1_024,
    'bytes',
    'The last request of each of many connections, kept to know it again although it is long.',
  ),
  httpUnanswered: limit(
    128,
    'items',
    'Requests sent in advance without end, each remembered until its answer can be framed.',
  ),
  http2Resets: limit(
    1_000,
    'items',
    'Streams opened and reset at once, over and over, that keep the server busy (CVE-2023-44487).',
  ),
  http2HeaderBytes: limit(
    65_536,
    'bytes',
    'CONTINUATION frames without end, or a few bytes that stand for megabytes of headers in HPACK.',
  ),
  hpackTableBytes: limit(65_536, 'bytes', 'A peer that is allowed a header table as large as it wishes.'),
  tlsHelloBytes: limit(
    65_536,
    'bytes',
    'A handshake message of 16 MB, the most its length can say, sent one byte at a time.',
  ),
  certificateNames: limit(64, 'items', 'A certificate with a hundred thousand names in a flow record.'),
  quicHelloBytes: limit(16_384, 'bytes', 'Pieces of a QUIC hello that leave a gap which never comes.'),
  dnsQuestions: limit(256, 'items', 'Questions asked without waiting for the answers that would match them.'),
  dnsRecords: limit(512, 'items', 'An answer of thousands of records made of pointers to one name.'),
  dnsExchanges: limit(
    16_384,
    'items',
    'Questions that are never answered, each remembered until its answer comes.',
  ),
  dnsWindows: limit(
    8_192,
    'items',
    'Names below a new domain each, whose traffic would be counted for all of them.',
  ),
  dnsClients: limit(
    4_096,
    'items',
    'Questions from forged addresses, each of which would be a client with counters.',
  ),
  listNames: limit(4_194_304, 'items', 'A list of names without end that fills the memory of every node.'),
  listLine: limit(2_048, 'characters', 'A list whose one line is as long as the file.'),
  addressesPerName: limit(
    1_000,
    'items',
    'A name that leads elsewhere with each answer, and so opens one address of its owner after the other.',
  ),
  namedAddresses: limit(
    32_768,
    'items',
    'Made-up names below a wildcard, each of which is answered and remembered with its addresses.',
  ),
  heldAnswers: limit(
    256,
    'items',
    'A flood of answers, each of which waits until the kernel knows its addresses.',
  ),
  answerHeldMs: limit(1_000, 'ms', 'A main thread that is busy or stuck while nobody can resolve a name.'),
  inspectedFlows: limit(
    65_536,
    'items',
    'A flood of connections, each of which would be followed to its first request.',
  ),
  knownFirsts: limit(
    256,
    'items',
    'A flood of connections each of which begins with other bytes, up to 1 KiB of which are kept to know them again.',
  ),
  releasedFlows: limit(
    65_536,
    'items',
    'A flood of short connections, each of which is remembered by what was found out of it.',
  ),
  waitingPackets: limit(
    1_024,
    'items',
    'A flood of new connections whose first packets are kept until the policies about them are known.',
  ),
  inspectionTerms: limit(
    16_384,
    'items',
    'A scan that makes the inspection remember what the policies say of every pair of ends.',
  ),
  noticesPerReport: limit(2_000, 'items', 'A flood of requests, each of which is told to the flow log.'),
  netlinkMessageBytes: limit(
    65_536,
    'bytes',
    'A netlink message with a false length that is read past its end.',
  ),
  loginAttempts: limit(
    10,
    'items',
    'Guessing the password of one account from one address (per loginWindow).',
  ),
  loginAttemptsPerAddress: limit(
    50,
    'items',
    'Trying one password on many accounts, or filling the limiter.',
  ),
  loginWindow: limit(300, 'seconds', 'Guessing passwords or join tokens at the speed of the network.'),
  limiterKeys: limit(
    10_000,
    'items',
    'A flood of made-up addresses that fills the memory of the rate limiter.',
  ),
  passwordChecks: limit(8, 'items', 'A flood of logins whose key derivations take all memory at once.'),
  streamsPerAgent: limit(
    4,
    'items',
    'A node that was broken into opens state streams until no socket is left.',
  ),
  uploadsPerAgent: limit(4, 'items', 'A node that was broken into sends large batches all at once.'),
  streamRing: limit(512, 'items', 'Live messages kept for resuming, which would otherwise grow for ever.'),
  modelItems: limit(
    20_000,
    'items',
    'A whole model handed out for each question a page asks, of a cluster that no page can hold.',
  ),
  streamClients: limit(128, 'items', 'A script that opens live streams until the server has no sockets.'),
  streamRingBytes: limit(
    8_388_608,
    'bytes',
    'Live messages of a flood of flows kept for clients that read slowly or never.',
  ),
  flowsPerMessage: limit(
    100,
    'items',
    'A burst of flows that becomes one huge live message for every browser.',
  ),
  learnedEdges: limit(
    200_000,
    'items',
    'A month of scans and strangers whose every edge is held in memory to suggest policies from.',
  ),
  activeResponses: limit(
    100,
    'items',
    'An attacker who makes findings about others until everything is cut off.',
  ),
  insightQuestions: limit(
    32,
    'items',
    'A script that asks for maps and trials faster than they can be answered.',
  ),
  eventsPerMessage: limit(20, 'items', 'A burst of events that drowns every live stream.'),

  eventsPerBatch: limit(5_000, 'items', 'An agent that floods the event list.'),
  workloadsPerNode: limit(5_000, 'items', 'An agent that invents workloads until every rule set is huge.'),
  addressesPerWorkload: limit(64, 'items', 'A workload that claims whole networks as its addresses.'),
  agentJsonBytes: limit(16_384, 'bytes', 'A join request that is larger than any key and token could be.'),
  stateLineBytes: limit(
    268_435_456,
    'bytes',
    'A state stream that never ends its line while the agent keeps all of it.',
  ),
  kubeAnswerBytes: limit(
    134_217_728,
    'bytes',
    'An API server, or a proxy before it, that answers without end.',
  ),
  kubeObjectBytes: limit(8_388_608, 'bytes', 'A watch whose line never ends while all of it is kept.'),
  kubeObjects: limit(
    500_000,
    'items',
    'A controller that makes objects in a loop until the server has no memory.',
  ),
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof LIMITS
