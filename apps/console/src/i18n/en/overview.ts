export const overview = { title: '' }
