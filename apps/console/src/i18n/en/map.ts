/** The words of the map page. */
export const map = {
  title: 'Map',
}
