import Linux
import SupervisorCore

/// The sockets that the service manager opened for us, taken from it once for all `fd:` addresses: asking consumes the variables that
/// tell of them.
struct InheritedSockets {
    private var left: [ServiceManager.InheritedSocket]
    /// All names, also those already taken, for error texts.
    private let names: [String]

    static let none = InheritedSockets([])

    init(_ sockets: [ServiceManager.InheritedSocket]) {
        self.left = sockets
        self.names = sockets.map(\.name)
    }

    static func take() throws(SystemError) -> InheritedSockets { InheritedSockets(try ServiceManager.takeSockets()) }

    /// All sockets of that name: one unit may have several, as for IPv4 and IPv6. The caller owns them.
    mutating func take(named name: String) throws(Startup.Failure) -> [FileDescriptor] {
        let found = self.left.filter { $0.name == name }.map(\.descriptor)
        self.left.removeAll { $0.name == name }
        guard found.isEmpty else { return found }
        let known = self.names.isEmpty ? "it passed none" : "it passed: \(self.names.joined(separator: ", "))"
        throw Startup.Failure(
            code: .unavailable,
            text: "the service manager passed no socket named \(name) (FileDescriptorName=); \(known)")
    }

    /// Closes what no address asked for, so that its clients are refused instead of waiting for ever; returns the names.
    mutating func closeRest() -> [String] {
        let names = self.left.map(\.name)
        for socket in self.left { socket.descriptor.close() }
        self.left = []
        return names
    }
}
