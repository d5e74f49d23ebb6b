import Base
import Glibc
import Linux
import Testing

extension KernelTests {
    @Suite struct IPEndpointTests {
        @Test func `is written with brackets around IPv6, and with the scope of a link-local address`() {
            #expect(IPEndpoint(.loopbackV4, port: 0).description == "127.0.0.1:0")
            #expect(IPEndpoint(.loopbackV6, port: 80).description == "[::1]:80")
            let linkLocal = IPAddress(high: 0xFE80_0000_0000_0000, low: 1)
            #expect(IPEndpoint(linkLocal, port: 80, scope: 2).description == "[fe80::1%2]:80")
            #expect(IPEndpoint(linkLocal, port: 80, scope: 2) != IPEndpoint(linkLocal, port: 80, scope: 3))
        }

        @Test func `an IPv4 client of a socket for both families has its IPv4 address`() throws {
            let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
            #expect(Glibc.listen(descriptor, 1) == 0)  // Bound to [::] and a free port by that, and not IPv6 only.
            let listener = try Socket.adopt(FileDescriptor(rawValue: descriptor))
            guard case .ip(let here) = try listener.descriptor.localAddress() else { throw SystemError(.invalid, "getsockname") }
            #expect(here.address == .unspecifiedV6)
            let client = try Socket.connect(IPEndpoint(.loopbackV4, port: here.port))
            guard case .connection(let server, .ip(let peer)) = try Socket.accept(listener.descriptor) else {
                Issue.record("nothing was accepted")
                return
            }
            server.close()
            client.close()
            #expect(peer.address == .loopbackV4)
        }
    }
}

extension KernelTests {
    @Suite struct SystemErrorTests {
        @Test func `names the call, the meaning and the symbol`() {
            #expect(SystemError(.noEntry, "open").description == "open: No such file or directory (ENOENT)")
            #expect(Errno(rawValue: 9999).description == "errno 9999")
        }

        @Test func `is equal by number and call`() {
            #expect(SystemError(.noEntry, "open") == SystemError(.noEntry, "open"))
            #expect(SystemError(.noEntry, "open") != SystemError(.noEntry, "lstat"))
            #expect(SystemError(.noEntry, "open") != SystemError(.exists, "open"))
        }
    }
}
