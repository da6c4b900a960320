export * from './routes.ts'
export * from './schema/index.ts'
