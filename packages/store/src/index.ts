export type * from './api.ts'
export type { Page, PageRequest, Window } from './page.ts'
export type * from './records/api.ts'
export { openStore, type StoreOptions } from './store.ts'
