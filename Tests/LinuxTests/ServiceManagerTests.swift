import Base
import Glibc
@testable import Linux
import Testing

extension KernelTests {
    @Suite struct ServiceManagerTests {
        /// A manager as small as can be: a datagram socket.
        private static func listen(_ path: String) throws -> OwnedFD {
            let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes(path)) }
            let bound = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            #expect(bound == 0)
            try FileDescriptor(rawValue: descriptor).setNonblocking(true)
            return OwnedFD(FileDescriptor(rawValue: descriptor))
        }

        private static func receive(_ manager: FileDescriptor) throws -> String {
            try waitUntilReadable(manager)
            var room = [UInt8](repeating: 0, count: 4096)
            var span = room.mutableSpan
            guard case .moved(let count) = try manager.read(into: &span) else { return "" }
            return String(decoding: room[..<count], as: UTF8.self)
        }

        @Test func `without a manager nothing is sent, and the library is not even loaded`() async {
            await #expect(processExitsWith: .success) {
                for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"] { try ProcessEnvironment.remove(name) }
                #expect(try !ServiceManager.notify(.ready))
                #expect(try ServiceManager.watchdogInterval() == nil)
                #expect(try ServiceManager.takeSockets() == [])
                #expect(!ServiceManager.isLoaded)
                let maps = try Files.read("/proc/self/maps", limit: 16 << 20).bytes
                #expect(!String(decoding: maps, as: UTF8.self).contains("libsystemd"))
            }
        }

        @Test func `every notice arrives as the protocol spells it`() async {
            await #expect(processExitsWith: .success) {
                let scratch = try Scratch()
                let path = scratch.file("notify")
                let manager = try Self.listen(path)
                try ProcessEnvironment.set("NOTIFY_SOCKET", path)
                let cases: [(ServiceManager.Notice, String)] = [
                    (.ready, "READY=1"), (.stopping, "STOPPING=1"), (.watchdog, "WATCHDOG=1"), (.mainProcess(42), "MAINPID=42"),
                    (.reloading(at: Instant(nanoseconds: 5_000_999)), "RELOADING=1\nMONOTONIC_USEC=5000"),
                    (.status("3 workers\nREADY=0"), "STATUS=3 workers READY=0"),
                    (.extendTimeout(.seconds(2)), "EXTEND_TIMEOUT_USEC=2000000"),
                ]
                for (notice, text) in cases {
                    #expect(try ServiceManager.notify(notice))
                    #expect(try Self.receive(manager.descriptor) == text)
                }
                #expect(try ServiceManager.notify(.ready, .status("up")))
                #expect(try Self.receive(manager.descriptor) == "READY=1\nSTATUS=up")
                #expect(ServiceManager.isLoaded)
            }
        }

        @Test func `a manager that has gone is an error`() async {
            await #expect(processExitsWith: .success) {
                try ProcessEnvironment.set("NOTIFY_SOCKET", "/nonexistent/notify")
                #expect(throws: SystemError.self) { try ServiceManager.notify(.ready) }
            }
        }

        @Test func `the watchdog's interval is for us only when its process number is ours`() async {
            await #expect(processExitsWith: .success) {
                try ProcessEnvironment.set("WATCHDOG_USEC", "400000")
                try ProcessEnvironment.remove("WATCHDOG_PID")
                #expect(try ServiceManager.watchdogInterval() == .milliseconds(400))
                try ProcessEnvironment.set("WATCHDOG_PID", "\(Processes.current)")
                #expect(try ServiceManager.watchdogInterval() == .milliseconds(400))
                try ProcessEnvironment.set("WATCHDOG_PID", "1")
                #expect(try ServiceManager.watchdogInterval() == nil)
            }
        }

        @Test func `inherited sockets come once, named, and are not inherited further`() async {
            await #expect(processExitsWith: .success) {
                let listener = try Socket.listen(IPEndpoint(.loopbackV4, port: 0))
                for number: Int32 in [3, 4] {
                    #expect(dup2(listener.descriptor.rawValue, number) == number)
                }
                try ProcessEnvironment.set("LISTEN_PID", "\(Processes.current)")
                try ProcessEnvironment.set("LISTEN_FDS", "2")
                try ProcessEnvironment.set("LISTEN_FDNAMES", "mcp-http:control")
                let sockets = try ServiceManager.takeSockets()
                #expect(sockets.map(\.name) == ["mcp-http", "control"])
                #expect(sockets.map(\.descriptor.rawValue) == [3, 4])
                for socket in sockets { #expect(try socket.descriptor.isCloseOnExec()) }
                #expect(ProcessEnvironment.value("LISTEN_FDS") == nil)
                #expect(ProcessEnvironment.value("LISTEN_FDNAMES") == nil)
                #expect(try ServiceManager.takeSockets() == [])
            }
        }
    }
}
