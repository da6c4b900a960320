export const flows = { title: '' }
