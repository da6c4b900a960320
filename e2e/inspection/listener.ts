import { createServer } from 'node:net'

/**
 * Takes connections on port 80 and tells what it reads: a line for each piece, with the port it came from. It answers each
 * as a request.
 */
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const server = createServer(socket => {
  const port = socket.remotePort
  socket.on('data', data => {
    console.log(JSON.stringify({ port, text: data.toString('latin1') }))
    socket.write(ANSWER)
  })
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
})
server.listen(80, '0.0.0.0', () => console.log(JSON.stringify({ port: 0, text: 'listening' })))
