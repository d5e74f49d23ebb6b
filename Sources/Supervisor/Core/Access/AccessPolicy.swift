public import Base

/// Everything that is decided about a request from its head alone, by configuration and keys: which names it may use, which page
/// it may come from, whose key it carries. Immutable; a reload makes a new one.
///
/// Order of use: `allowsHost`, `origin`, then `authenticate`. Both of the first refuse with 403.
public struct AccessPolicy: Sendable {
    private let hosts: HostRules
    private let origins: OriginRules
    public let cors: CORSRules
    private let verifier: CredentialVerifier?

    /// `listeners` are the addresses as bound, see `HostRules`. Without `verifier` no credential opens anything.
    public init(_ configuration: Configuration, listeners: [ListenAddress], verifier: CredentialVerifier?) {
        self.hosts = HostRules(configuration.hosts, listeners: listeners)
        self.origins = OriginRules(configuration.cors, hosts: self.hosts)
        self.cors = CORSRules(configuration.cors)
        self.verifier = verifier
    }

    /// The standard configuration, without keys.
    public init() { self.init(.standard, listeners: Configuration.standard.listeners, verifier: nil) }

    public func allowsHost(_ bytes: Span<UInt8>, _ host: ByteRange?) -> Bool { self.hosts.allows(bytes, host: host) }

    public func origin(_ bytes: Span<UInt8>, _ origin: ByteRange?) -> OriginVerdict {
        self.origins.verdict(bytes, origin: origin)
    }

    /// Unix seconds from which on the credential of this principal opens nothing any more; `.max` for one without an end.
    public func validUntil(_ principal: Principal) -> Int64 { self.verifier?.validUntil(principal) ?? .max }

    /// Where no credential is required none is looked at: what a client sends there anyway changes nothing. A credential in the
    /// URL is refused everywhere, so that the habit does not form.
    public func authenticate(
        _ bytes: Span<UInt8>, authorization: ByteRange?, query: ByteRange?, isRequired: Bool, at unixSeconds: Int64
    ) -> Authentication {
        if let query, QueryCredential.isPresent(bytes.extracting(query.range)) { return .refused(.inQuery) }
        guard isRequired else { return .granted(.anonymous) }
        guard let verifier = self.verifier else { return .refused(authorization == nil ? .missing : .invalid) }
        return verifier.verify(bytes, authorization: authorization, at: unixSeconds)
    }
}
