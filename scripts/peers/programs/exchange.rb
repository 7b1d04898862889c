# Either end of the exchange, over mutual TLS.
# ruby exchange.rb client PORT CA MESSAGE [CERT KEY]
# ruby exchange.rb server PORT CA CERT KEY
require 'openssl'
require 'socket'

def context(ca, cert, key)
  made = OpenSSL::SSL::SSLContext.new
  made.set_params(ca_file: ca, verify_mode: OpenSSL::SSL::VERIFY_PEER | OpenSSL::SSL::VERIFY_FAIL_IF_NO_PEER_CERT)
  made.add_certificate(OpenSSL::X509::Certificate.new(File.read(cert)), OpenSSL::PKey.read(File.read(key))) if cert
  made
end

def send(port, ca, message, cert = nil, key = nil)
  socket = OpenSSL::SSL::SSLSocket.new(TCPSocket.new('127.0.0.1', port), context(ca, cert, key))
  socket.hostname = 'localhost'
  socket.connect
  socket.post_connection_check('localhost')
  socket.write(message)
  puts "Received #{socket.read}"
  socket.close
end

def listen(port, ca, cert, key)
  server = OpenSSL::SSL::SSLServer.new(TCPServer.new('127.0.0.1', port), context(ca, cert, key))
  puts 'Listening'
  loop { answer(server) }
end

def answer(server)
  socket = server.accept
  puts "Client #{socket.peer_cert.subject}", "Received #{socket.readpartial(1024)}"
  socket.write('Hello world!')
  socket.close
rescue OpenSSL::SSL::SSLError => e
  puts e.message
end

$stdout.sync = true
role, *words = ARGV
role == 'server' ? listen(*words) : send(*words)
