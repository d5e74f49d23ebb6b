import Base
import Linux
import MCP
import SupervisorCore

/// What `run` opens and finds before the loop begins: sockets, the worker program, the sample's place.
struct Startup {
    struct Failure: Error {
        let code: ExitCode
        let text: String
    }

    let listeners: [Reactor.Listener]
    let command: WorkerCommand
    /// The addresses as the kernel knows them, with the port it chose for port 0.
    let addresses: [SupervisorCore.ListenAddress]

    init(_ configuration: Configuration) throws(Failure) {
        var listeners: [Reactor.Listener] = []
        var addresses: [SupervisorCore.ListenAddress] = []
        for address in configuration.listeners {
            let (descriptor, bound) = try Self.listen(address)
            var path: String?
            if case .unix(let made) = address { path = made }
            listeners.append(
                .init(
                    descriptor: descriptor, requiresCredential: configuration.authentication.isRequired(on: bound), path: path))
            addresses.append(bound)
        }
        self.listeners = listeners
        self.addresses = addresses
        self.command = WorkerCommand(workerProgram: try Self.workerProgram(), samplePath: try Self.sample(configuration))
    }

    private static func listen(_ address: SupervisorCore.ListenAddress) throws(Failure) -> (
        FileDescriptor, SupervisorCore.ListenAddress
    ) {
        do throws(SystemError) {
            switch address {
            case .tcp(let ip, let port):
                let linux: Linux.IPAddress =
                    ip.isV4 ? .v4(UInt32(truncatingIfNeeded: ip.low)) : .v6(ip.high, ip.low, scope: 0)
                let socket = try Socket.listen(IPEndpoint(linux, port: port))
                let bound = try socket.descriptor.localAddress().listenAddress
                return (socket.release(), bound ?? address)
            case .unix(let path):
                let socket = try Socket.listen(unix: path)
                return (socket.release(), address)
            case .inherited(let name):
                for inherited in try ServiceManager.takeSockets() where inherited.name == name {
                    let socket = try Socket.adopt(inherited.descriptor)
                    // A socket of a family that is neither IP nor Unix would be nobody's loopback.
                    let bound = try socket.descriptor.localAddress().listenAddress
                    return (socket.release(), bound ?? .tcp(SupervisorCore.IPAddress(v4: 0), port: 0))
                }
                throw SystemError(.noEntry, "sd_listen_fds")
            }
        } catch {
            switch error.errno {
            case .addressInUse:
                throw Failure(
                    code: .unavailable,
                    text: "\(address) is in use by another program; stop that one, or choose another port with --port")
            case .accessDenied, .permission:
                throw Failure(code: .permission, text: "may not listen on \(address): \(error)")
            default: throw Failure(code: .unavailable, text: "cannot listen on \(address): \(error)")
            }
        }
    }

    /// `mcp-worker` lies beside `mcp-supervisor`.
    private static func workerProgram() throws(Failure) -> [UInt8] {
        guard let own = try? Files.readLink("/proc/self/exe"), let slash = own.lastIndex(of: 0x2F) else {
            throw Failure(code: .software, text: "cannot find out where this program is")
        }
        return own[..<slash] + Array("/mcp-worker".utf8)
    }

    /// The sample database, made once in the first state directory that can be written.
    private static func sample(_ configuration: Configuration) throws(Failure) -> String {
        let needsSample = configuration.servers.contains {
            guard case .sql(let databases) = $0.kind else { return false }
            return databases.contains { $0.source == .sample }
        }
        guard needsSample else { return "" }
        var last = "no state directory is configured"
        for directory in configuration.directories.state {
            let path = "\(directory)/sample.db"
            if (try? Files.status(path)) != nil { return path }
            do {
                try Files.makeDirectories(directory)
                try Self.makeSample(path)
                return path
            } catch {
                last = "\(directory): \(error)"
            }
        }
        throw Failure(
            code: .permission,
            text: "cannot make the sample database (\(last)); name a writable directory with --state-dir")
    }

    private static func makeSample(_ path: String) throws(SystemError) {
        let program = (try? Self.workerProgram()) ?? []
        let null = try Files.null()
        let child = try Spawn(
            program: program, arguments: [Array("sample".utf8), Array(path.utf8)], environment: [],
            descriptors: [null.descriptor, .standardError, .standardError]
        ).start()
        defer { child.pidFD.close() }
        let epoll = try Epoll()
        var events = Epoll.Buffer(capacity: 1)
        try epoll.add(child.pidFD.descriptor, .readable, data: 0)
        // Bound: a second is thirty times what it takes; the data is small and always the same.
        _ = try epoll.wait(into: &events, timeout: .seconds(30))
        guard let status = try child.pidFD.reap(), status.isSuccess else {
            _ = try? child.pidFD.send(.kill)
            throw SystemError(.invalid, "mcp-worker sample")
        }
    }

    static func sessionID() -> SessionID {
        guard let bytes = try? Entropy.bytes(count: 16) else { preconditionFailure("the kernel gives no random bytes") }
        let words = bytes.enumerated().reduce(into: (UInt64(0), UInt64(0))) { words, byte in
            if byte.offset < 8 {
                words.0 = words.0 << 8 | UInt64(byte.element)
            } else {
                words.1 = words.1 << 8 | UInt64(byte.element)
            }
        }
        return SessionID(high: words.0, low: words.1)
    }

    /// For people: where to connect, and a line to try.
    func announce() {
        var text = "mcp-supervisor \(Supervisor.version) is ready.\n"
        let endpoints = self.addresses.map { address in
            switch address {
            case .tcp: "http://\(address)/mcp"
            case .unix, .inherited: "\(address)"
            }
        }
        for endpoint in endpoints { text += "  \(endpoint)\n" }
        if let first = endpoints.first(where: { $0.hasPrefix("http:") }) {
            text += """
                Try it:
                  curl -s \(first) -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\
                    -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/list' \\
                    -d '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'

                """
        }
        try? FileDescriptor.standardOutput.writeAll(Array(text.utf8).span)
    }
}

extension SocketAddress {
    /// Nil for a family that we do not listen on.
    fileprivate var listenAddress: SupervisorCore.ListenAddress? {
        switch self {
        case .ip(let endpoint):
            switch endpoint.address {
            case .v4(let address): .tcp(SupervisorCore.IPAddress(v4: address), port: endpoint.port)
            case .v6(let high, let low, _): .tcp(SupervisorCore.IPAddress(high: high, low: low), port: endpoint.port)
            }
        case .unix: .unix(path: "/")
        case .other: nil
        }
    }
}

extension LogEvent.Level {
    /// Our own log knows four of the eight.
    init(_ level: LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info, .notice: self = .info
        case .warning: self = .warning
        case .error, .critical, .alert, .emergency: self = .error
        }
    }
}
