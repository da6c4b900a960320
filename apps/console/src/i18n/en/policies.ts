export const policies = { title: '' }
