export default function X({ id }: { readonly id: string }) {
  return <p>{id}</p>
}
