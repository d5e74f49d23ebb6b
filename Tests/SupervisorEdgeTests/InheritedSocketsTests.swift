import SupervisorCore
import Testing

@testable import Linux
@testable import SupervisorEdge

@Suite struct InheritedSocketsTests {
    private static func sockets(_ names: [String]) throws -> (InheritedSockets, [FileDescriptor]) {
        let descriptors = try names.map { _ in try Files.null().release() }
        let pairs = zip(names, descriptors).map { ServiceManager.InheritedSocket(name: $0, descriptor: $1) }
        return (InheritedSockets(pairs), descriptors)
    }

    @Test func `each address gets its own, and one name may have several`() throws {
        var (sockets, descriptors) = try Self.sockets(["web", "api", "web"])
        #expect(try sockets.take(named: "web") == [descriptors[0], descriptors[2]])
        #expect(try sockets.take(named: "api") == [descriptors[1]])
        #expect(sockets.closeRest() == [])
        for descriptor in descriptors { descriptor.close() }
    }

    @Test func `a name that is missing is told with those that there are`() throws {
        var (sockets, _) = try Self.sockets(["web", "api"])
        do {
            _ = try sockets.take(named: "wbe")
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.code == .unavailable)
            #expect(error.text.contains("wbe") && error.text.contains("web, api"))
        }
        #expect(sockets.closeRest() == ["web", "api"])
    }

    @Test func `without a service manager there are none`() {
        var sockets = InheritedSockets.none
        do {
            _ = try sockets.take(named: "web")
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.text.contains("passed none"))
        }
    }
}
