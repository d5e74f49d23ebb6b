import Base
import Glibc
import Linux
import Testing

extension KernelTests {
    @Suite struct SocketTests {
        private func endpoint(_ descriptor: FileDescriptor) throws -> IPEndpoint {
            guard case .ip(let endpoint) = try descriptor.localAddress() else { throw SystemError(.invalid, "getsockname") }
            return endpoint
        }

        @Test(arguments: [IPAddress.loopbackV4, .loopbackV6])
        func `a connection is accepted without delay, blocking or inheritance, and with its peer's address`(address: IPAddress)
            throws
        {
            let listener = try Socket.listen(IPEndpoint(address, port: 0))
            let here = try self.endpoint(listener.descriptor)
            #expect(here.address == address)
            #expect(here.port != 0)
            #expect(try Socket.accept(listener.descriptor) == .wouldBlock)
            let client = try Socket.connect(here)
            guard case .connection(let server, let peer) = try Socket.accept(listener.descriptor) else {
                Issue.record("nothing was accepted")
                return
            }
            defer { server.close() }
            #expect(peer == .ip(try self.endpoint(client.descriptor)))
            #expect(try server.isWithoutDelay())
            #expect(try server.isNonblocking())
            #expect(try server.isCloseOnExec())
            #expect(try client.descriptor.send(bytes("ping").span) == .moved(4))
            try waitUntilReadable(server)
            #expect(try server.readableBytes() == 4)
            try server.setKeepAlive(idleSeconds: 60, probeSeconds: 10)
        }

        @Test func `IPv6 and IPv4 listen on one port side by side`() throws {
            let six = try Socket.listen(IPEndpoint(.unspecifiedV6, port: 0))
            let port = try self.endpoint(six.descriptor).port
            let four = try Socket.listen(IPEndpoint(.unspecifiedV4, port: port))
            #expect(try self.endpoint(four.descriptor).port == port)
        }

        @Test func `a port in use is refused, also for another of our own listeners`() throws {
            let first = try Socket.listen(IPEndpoint(.loopbackV4, port: 0))
            let taken = try self.endpoint(first.descriptor)
            #expect(throws: SystemError.self) { _ = try Socket.listen(taken).release() }
            do {
                _ = try Socket.listen(taken).release()
            } catch { #expect(error.errno == .addressInUse) }
        }

        @Test func `a port can be listened on again at once, although connections linger`() throws {
            let first = try Socket.listen(IPEndpoint(.loopbackV4, port: 0))
            let here = try self.endpoint(first.descriptor)
            let client = try Socket.connect(here)
            guard case .connection(let server, _) = try Socket.accept(first.descriptor) else {
                Issue.record("nothing was accepted")
                return
            }
            server.close()  // We close first, and so TIME_WAIT stays on our side.
            first.close()
            client.close()
            let second = try Socket.listen(here)
            #expect(try self.endpoint(second.descriptor) == here)
        }

        @Test func `nobody listens: the connection is refused`() throws {
            let listener = try Socket.listen(IPEndpoint(.loopbackV4, port: 0))
            let here = try self.endpoint(listener.descriptor)
            listener.close()
            #expect(throws: SystemError(.connectionRefused, "connect")) { _ = try Socket.connect(here).release() }
        }

        @Test func `an address of no interface is refused`() {
            #expect(throws: SystemError(.addressNotAvailable, "bind")) {
                _ = try Socket.listen(IPEndpoint(IPAddress(v4: 0xC000_0201), port: 0)).release()
            }
        }

        @Test func `without descriptors left, accept says so and the connection waits`() async {
            await #expect(processExitsWith: .success) {
                let listener = try Socket.listen(IPEndpoint(.loopbackV4, port: 0))
                guard case .ip(let here) = try listener.descriptor.localAddress() else {
                    throw SystemError(.invalid, "getsockname")
                }
                let client = try Socket.connect(here)
                // No longer than needed: the runner's own threads do not survive a failed open.
                try DescriptorLimit.set(3)
                let attempts = (try Socket.accept(listener.descriptor), try Socket.accept(listener.descriptor))
                try DescriptorLimit.raise()
                #expect(attempts == (.exhausted(.processDescriptorsExhausted), .exhausted(.processDescriptorsExhausted)))
                guard case .connection(let server, _) = try Socket.accept(listener.descriptor) else {
                    Issue.record("the connection is lost")
                    return
                }
                server.close()
                client.close()
            }
        }

        @Test func `a connection reset in the backlog does no harm`() throws {
            let listener = try Socket.listen(IPEndpoint(.loopbackV4, port: 0))
            do {
                let client = try Socket.connect(self.endpoint(listener.descriptor))
                var lingering = linger(l_onoff: 1, l_linger: 0)
                let size = socklen_t(MemoryLayout<linger>.size)
                #expect(unsafe setsockopt(client.descriptor.rawValue, SOL_SOCKET, SO_LINGER, &lingering, size) == 0)
            }
            switch try Socket.accept(listener.descriptor) {
            case .connection(let server, _):  // What Linux does.
                var room: [UInt8] = [0]
                #expect(throws: SystemError(.connectionReset, "read")) {
                    var span = room.mutableSpan
                    _ = try server.read(into: &span)
                }
                #expect(try server.takePendingError() == nil)
                server.close()
            case .aborted: break
            case .wouldBlock, .exhausted: Issue.record("neither a connection nor an aborted one")
            }
        }

        @Test func `a Unix socket is born with its mode, whatever the umask, and knows its clients`() async {
            await #expect(processExitsWith: .success) {
                umask(0o777)
                let scratch = "/tmp/linux-tests-\(try Entropy.seed())"
                umask(0o077)
                try Files.makeDirectories(scratch)
                let path = "\(scratch)/socket"
                for mode: UInt32 in [0o600, 0o666, 0o660] {
                    let listener = try Socket.listen(unix: path, mode: mode)
                    #expect(try Files.status(path).mode == mode)
                    #expect(try Files.status(path).kind == .socket)
                    let client = try Socket.connect(unix: path)
                    guard case .connection(let server, .unix) = try Socket.accept(listener.descriptor) else {
                        Issue.record("nothing was accepted")
                        return
                    }
                    let credentials = try server.peerCredentials()
                    #expect(credentials.pid == Processes.current)
                    #expect(credentials.uid == Processes.userID)
                    server.close()
                    client.close()
                    listener.close()
                }
                try Files.remove(path)
                #expect(unsafe rmdir(scratch) == 0)
            }
        }

        @Test func `a stale socket is replaced, a living one and anything else are left alone`() throws {
            let scratch = try Scratch()
            let path = scratch.file("socket")
            do {
                let dead = try Socket.listen(unix: path)
                dead.close()
            }
            let living = try Socket.listen(unix: path)
            let inode = try Files.status(path).inode
            #expect(throws: SystemError(.addressInUse, "bind")) { _ = try Socket.listen(unix: path).release() }
            #expect(try Files.status(path).inode == inode)
            let client = try Socket.connect(unix: path)
            client.close()
            living.close()

            let file = scratch.file("file")
            try Files.writeAtomically(file, bytes("precious").span)
            #expect(throws: SystemError(.addressInUse, "bind")) { _ = try Socket.listen(unix: file).release() }
            #expect(try Files.read(file, limit: 100).bytes == bytes("precious"))
        }

        @Test func `a path that does not fit is refused`() {
            let path = "/tmp/" + String(repeating: "x", count: 103)
            #expect(throws: SystemError(.nameTooLong, "bind")) { _ = try Socket.listen(unix: path).release() }
            #expect(throws: SystemError(.nameTooLong, "bind")) { _ = try Socket.connect(unix: "").release() }
        }

        @Test func `only a listener is adopted, and it gets what our own would have`() throws {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            let plain = FileDescriptor(rawValue: descriptor)
            #expect(throws: SystemError(.invalid, "getsockopt")) { _ = try Socket.adopt(plain).release() }
            #expect(Glibc.listen(descriptor, 1) == 0)
            let adopted = try Socket.adopt(plain)
            #expect(try adopted.descriptor.isNonblocking())
            #expect(try adopted.descriptor.isCloseOnExec())
            #expect(try adopted.descriptor.isWithoutDelay())
        }

        @Test func `a file is no socket`() throws {
            let null = try Files.null()
            #expect(throws: SystemError(Errno(rawValue: ENOTSOCK), "getsockname")) { _ = try null.descriptor.localAddress() }
        }
    }
}
