export type * from './decision.ts'
export * from './table.ts'
