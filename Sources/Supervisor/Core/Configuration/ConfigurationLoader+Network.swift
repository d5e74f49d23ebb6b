import Base

/// Listeners, names and credentials: who can reach the supervisor.
extension ConfigurationLoader {
    // Bound: each listener is a descriptor.
    private static let listenersMax = 64

    /// `listen` and the pair `host`/`port` are two ways to say the same thing; the strongest place that says either wins.
    mutating func listeners() -> [ListenAddress] {
        let options = self.input.options
        let flags = options.listen != nil || options.host != nil || options.port != nil
        if flags ? options.listen != nil : self.variables.listen != nil {
            let origin = flags ? "--listen" : RunOptions.Name.listen.variable
            return self.listeners((flags ? options.listen : self.variables.listen) ?? [], origin)
        }
        guard options.host ?? options.port ?? self.variables.host ?? self.variables.port != nil else {
            return self.listeners(self.settings.strings("listen"), "listen")
        }
        return self.hostAndPort()
    }

    private mutating func listeners(_ texts: [String], _ origin: String) -> [ListenAddress] {
        var listeners: [ListenAddress] = []
        for text in texts {
            do throws(ListenAddress.Malformed) {
                for listener in try ListenAddress.parse(text) {
                    guard !listeners.contains(listener) else {
                        self.findings.error(origin, "\(listener) is named twice")
                        continue
                    }
                    listeners.append(listener)
                }
            } catch {
                self.findings.error(origin, "\(text): \(error.reason)")
            }
        }
        if texts.isEmpty { self.findings.error(origin, "needs at least one address") }
        if listeners.count > Self.listenersMax { self.findings.error(origin, "has more than \(Self.listenersMax) addresses") }
        return listeners
    }

    private mutating func hostAndPort() -> [ListenAddress] {
        var addresses: [IPAddress] = []
        var port = ListenAddress.portDefault
        let host = self.option(.host) ?? ("localhost", "--host")
        do throws(ListenAddress.Malformed) {
            addresses = try ListenAddress.parseHost(host.value)
        } catch {
            self.findings.error(host.path, "\(host.value): \(error.reason)")
        }
        if let (value, origin) = self.option(.port) {
            do throws(ListenAddress.Malformed) {
                port = try ListenAddress.parsePort(value)
            } catch {
                self.findings.error(origin, error.reason)
            }
        }
        return addresses.map { .tcp($0, port: port) }
    }

    mutating func authentication(_ listeners: [ListenAddress]) -> AuthenticationSettings? {
        let keyFile = self.keyFile()
        let text = self.settings.string("auth.required")
        guard let requirement = text.flatMap({ AuthenticationSettings.Requirement(rawValue: $0) }) else { return nil }
        let settings = AuthenticationSettings(
            requirement: requirement, keyFile: keyFile,
            penalties: PenaltyLimits(
                perFailure: self.settings.duration("auth.penalty"),
                enforcedFrom: self.settings.duration("auth.penaltyEnforced"),
                max: self.settings.duration("auth.penaltyMax"), sourcesMax: self.settings.integer("auth.penaltySources")))
        let open = listeners.filter { !$0.isLocal }
        if requirement == .never, let listener = open.first {
            self.findings.error("auth.required", "must not be false while \(listener) can be reached from other machines")
        }
        let isNeeded = listeners.contains { settings.isRequired(on: $0) }
        if isNeeded, !self.settings.isSet("auth.keys"), self.variable("AUTH_TOKENS") == nil {
            let cause = open.first.map { "\($0) can be reached from other machines" } ?? "auth.required is true"
            self.findings.error(
                "auth.keys", "\(cause), but there are no keys; name a key file here or set the variable AUTH_TOKENS")
        }
        self.warnOfUnaskedKeys(settings, listeners)
        for listener in open {
            self.findings.warning(
                "listen",
                """
                \(listener) can be reached from other machines and is not encrypted by this version: credentials and data \
                travel in the clear unless a TLS proxy stands in front
                """)
        }
        return settings
    }

    /// Whoever makes keys expects them to be asked for.
    private mutating func warnOfUnaskedKeys(_ settings: AuthenticationSettings, _ listeners: [ListenAddress]) {
        let source = settings.keyFile != nil ? "auth.keys" : "AUTH_TOKENS"
        guard settings.keyFile != nil || self.variable("AUTH_TOKENS") != nil else { return }
        // What an inherited socket is bound to is not known here.
        let unasked = listeners.filter { !settings.isRequired(on: $0) && !$0.isInherited }
        guard !unasked.isEmpty else { return }
        self.findings.warning(
            source,
            """
            keys are not asked for on \(unasked.map(\.description).joined(separator: ", ")): loopback and Unix sockets are open to \
            every program of this machine; to require keys there too, write "auth": {"required": true}
            """)
    }

    private mutating func keyFile() -> String? {
        guard let text = self.settings.string("auth.keys") else { return nil }
        guard text.hasPrefix("file:/") else {
            self.findings.error("auth.keys", "must be file: and an absolute path, such as file:/etc/mcp-supervisor/keys.json")
            return nil
        }
        return String(text.dropFirst(5))
    }

    mutating func hosts(_ listeners: [ListenAddress]) -> HostSettings {
        var includesListeners = false
        var names: [String] = []
        for text in self.settings.strings("hosts") {
            if text == "auto" {
                includesListeners = true
            } else if let name = HostName.normalized(text) {
                names.append(name)
            } else {
                self.findings.error("hosts", "\(text): must be auto, or a name or address with or without :port, nothing else")
            }
        }
        if names.isEmpty, let listener = listeners.first(where: { $0.isUnspecified }) {
            self.findings.warning(
                "hosts",
                "\(listener) has no name of its own; requests are answered 403 until the names that clients use stand here")
        }
        return HostSettings(includesListeners: includesListeners, names: names)
    }

    mutating func origins() -> [String] {
        var origins: [String] = []
        for text in self.settings.strings("cors.origins") {
            if let origin = HostName.normalizedOrigin(text) {
                origins.append(origin)
            } else if text == "*" || text == "null" {
                self.findings.error("cors.origins", "\(text) would let any web page in; name each origin")
            } else {
                self.findings.error(
                    "cors.origins",
                    "\(text): must be http or https, a host, and a port unless it is the default one, such as https://app.example.com"
                )
            }
        }
        return origins
    }
}

extension ListenAddress {
    fileprivate var isInherited: Bool {
        switch self {
        case .inherited: true
        case .tcp, .unix: false
        }
    }

    fileprivate var isUnspecified: Bool {
        switch self {
        case .tcp(let address, _): address.isUnspecified
        case .unix, .inherited: false
        }
    }
}

/// Names as `Host` and `Origin` carry them.
enum HostName {
    /// Lower case, if `text` is a host (RFC 3986 `reg-name` without escapes, IPv4, or bracketed IPv6) with or without a port.
    static func normalized(_ text: String) -> String? {
        let lower = [UInt8](text.utf8).map { ASCII.lowercased($0) }
        guard let parts = HostPort(lower.span, ByteRange(0, lower.count)) else { return nil }
        return parts.host.isEmpty ? nil : String(decoding: lower, as: UTF8.self)
    }

    /// Lower case, if `text` is an origin as browsers write it (RFC 6454 6.2): without path, without the scheme's default port.
    static func normalizedOrigin(_ text: String) -> String? {
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")] where text.hasPrefix(scheme) {
            guard let host = Self.normalized(String(text.dropFirst(scheme.count))), !host.hasSuffix(port) || host.hasSuffix("]")
            else { return nil }
            return scheme + host
        }
        return nil
    }
}
