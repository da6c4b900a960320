export default function X() {
  return <p>soon</p>
}
