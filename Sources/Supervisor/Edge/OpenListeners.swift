import Linux
import SupervisorCore

/// A listening socket, as it was asked for and as the kernel knows it.
struct Endpoint: Equatable {
    let asked: ListenAddress
    /// With the port that the kernel chose for port 0, and for an inherited socket what it is bound to.
    let bound: ListenAddress
    let requiresCredential: Bool
}

/// The sockets that clients connect to, opened before anything is started.
struct OpenListeners {
    private(set) var listeners: [Reactor.Listener] = []
    private(set) var endpoints: [Endpoint] = []

    /// `hasKeys`: whether any credential could open a listener that requires one.
    init(_ configuration: Configuration, hasKeys: Bool) throws(Startup.Failure) {
        do throws(Startup.Failure) {
            try self.open(configuration, hasKeys: hasKeys)
        } catch {
            // The descriptors go with the process, the files of Unix sockets would stay.
            for listener in self.listeners {
                if let path = listener.path { try? Files.remove(path) }
            }
            throw error
        }
    }

    private mutating func open(_ configuration: Configuration, hasKeys: Bool) throws(Startup.Failure) {
        var inherited = InheritedSockets.none
        if configuration.listeners.contains(where: { $0.isInherited }) {
            do {
                inherited = try .take()
            } catch {
                throw Startup.Failure(code: .unavailable, text: "cannot take over sockets of the service manager: \(error)")
            }
        }
        for address in configuration.listeners {
            switch address {
            case .tcp, .unix: try self.add(address, try Self.bind(address), configuration, hasKeys)
            case .inherited(let name):
                for descriptor in try inherited.take(named: name) {
                    try self.add(address, try Self.adopt(descriptor, name), configuration, hasKeys)
                }
            }
        }
        let unused = inherited.closeRest()
        guard !unused.isEmpty else { return }
        Application.printError(
            "warning: listen: the service manager also passed sockets that no fd: address names: \(unused.joined(separator: ", "))"
        )
    }

    private mutating func add(
        _ asked: ListenAddress, _ opened: (descriptor: FileDescriptor, bound: ListenAddress), _ configuration: Configuration,
        _ hasKeys: Bool
    ) throws(Startup.Failure) {
        let authentication = configuration.authentication
        let isRequired = authentication.isRequired(on: opened.bound)
        var path: String?
        if case .unix(let made) = asked { path = made }
        self.listeners.append(.init(descriptor: opened.descriptor, requiresCredential: isRequired, path: path))
        self.endpoints.append(Endpoint(asked: asked, bound: opened.bound, requiresCredential: isRequired))
        // What an inherited socket is bound to is known only now.
        if authentication.requirement == .never, !opened.bound.isLocal {
            throw Startup.Failure(
                code: .configuration,
                text: "auth.required must not be false while \(asked) (\(opened.bound)) can be reached from other machines")
        }
        if isRequired, !hasKeys {
            throw Startup.Failure(
                code: .configuration,
                text: """
                    requests to \(opened.bound) must carry a key, but there is none; make one with mcp-supervisor key create, \
                    or set the variable AUTH_TOKENS
                    """)
        }
    }

    private static func bind(_ address: ListenAddress) throws(Startup.Failure) -> (FileDescriptor, ListenAddress) {
        do throws(SystemError) {
            switch address {
            case .tcp(let ip, let port):
                let socket = try Socket.listen(IPEndpoint(ip, port: port))
                let bound = try socket.descriptor.localAddress().listenAddress ?? address
                return (socket.release(), bound)
            case .unix(let path):
                return (try Socket.listen(unix: path).release(), address)
            case .inherited: preconditionFailure("an inherited socket is bound already")
            }
        } catch {
            switch error.errno {
            case .addressInUse:
                let advice = address.isUnix ? "another path" : "another port with --port"
                throw Startup.Failure(
                    code: .unavailable, text: "\(address) is in use by another program; stop that one, or choose \(advice)")
            case .accessDenied, .permission:
                throw Startup.Failure(code: .permission, text: "may not listen on \(address): \(error)")
            default: throw Startup.Failure(code: .unavailable, text: "cannot listen on \(address): \(error)")
            }
        }
    }

    private static func adopt(_ descriptor: FileDescriptor, _ name: String) throws(Startup.Failure) -> (
        FileDescriptor, ListenAddress
    ) {
        do throws(SystemError) {
            let socket = try Socket.adopt(descriptor)
            if let bound = try socket.descriptor.localAddress().listenAddress { return (socket.release(), bound) }
        } catch {
            throw Startup.Failure(
                code: .unavailable, text: "the inherited socket \(name) is no listening stream socket: \(error)")
        }
        throw Startup.Failure(code: .unavailable, text: "the inherited socket \(name) is neither an IP nor a Unix socket")
    }
}

extension ListenAddress {
    fileprivate var isInherited: Bool {
        switch self {
        case .inherited: true
        case .tcp, .unix: false
        }
    }

    var isUnix: Bool {
        switch self {
        case .unix: true
        case .tcp, .inherited: false
        }
    }
}

extension SocketAddress {
    /// Nil for a family that we do not listen on. The path of a Unix socket is not told.
    fileprivate var listenAddress: ListenAddress? {
        switch self {
        case .ip(let endpoint): .tcp(endpoint.address, port: endpoint.port)
        case .unix: .unix(path: "/")
        case .other: nil
        }
    }
}
