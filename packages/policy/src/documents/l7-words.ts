/** Protocols whose requests a rule can be about. */
export const L7_KINDS = ['http', 'grpc', 'dns', 'tls', 'sql', 'redis', 'kafka', 'mongodb'] as const
