import Base
import MCP
import Testing
import Wire

@testable import SupervisorCore

/// Bytes that nobody would write, made from a seed. Nothing here may trap; the verdicts themselves are tested elsewhere.
@Suite struct AccessRobustnessTests {
    private static let pieces = [
        "http://", "https://", "localhost", "127.0.0.1", "[::1]", "[", "]", ":", "::", "8000", "0", "65536", "Bearer ", "msk_",
        "_", "good", "=?base64?",
        "?=", "YQ==", "=", " ", "\t", ",", "mcp-param-", "&", "token", "access_token", "%", "\0", "\r\n", "ä", ".", "..", "/",
        "@", "-", "+",
    ].map { [UInt8]($0.utf8) }

    private static func bytes(_ random: inout PRNG) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<random.below(8) {
            if random.chance(1, in: 4) {
                bytes.append(UInt8(truncatingIfNeeded: random.next()))
            } else {
                bytes += Self.pieces[random.below(Self.pieces.count)]
            }
        }
        return bytes
    }

    @Test func `no head value traps`() {
        var random = PRNG(seed: 11)
        let fake = FakeDigests()
        let settings = CORSSettings(origins: ["https://a.example"], allowsCredentials: true, age: .minutes(1))
        let cors = CORSRules(settings)
        let hosts = HostRules(
            HostSettings(includesListeners: true, names: ["a.example"]), listeners: Configuration.standard.listeners)
        let origins = OriginRules(settings, hosts: hosts)
        let verifier = CredentialVerifier(keys: [FakeDigests.key("good", "x")], tokens: [], functions: fake.functions)
        var granted = 0
        for _ in 0..<20_000 {
            let bytes = Self.bytes(&random)
            let whole = ByteRange(0, bytes.count)
            _ = hosts.allows(bytes.span, host: whole)
            _ = origins.verdict(bytes.span, origin: whole)
            _ = QueryCredential.isPresent(bytes.span)
            _ = HeaderValue(bytes.span, whole)
            _ = IPAddress(String(decoding: bytes, as: UTF8.self))
            _ = try? ListenAddress.parse(String(decoding: bytes, as: UTF8.self))
            if case .granted = verifier.verify(bytes.span, authorization: whole, at: 0) { granted += 1 }
            var fields = HTTPFields()
            cors.appendFields(origin: bytes.span, to: &fields)
            cors.appendPreflightFields(requested: bytes.span, to: &fields)
        }
        #expect(granted == 0)
    }

    @Test func `no configuration file and no key file traps`() {
        let original = [UInt8](
            #"{"listen":["127.0.0.1:8000"],"mcpServers":{"a":{"command":"x","env":{"A":"b"},"workers":{"queue":3}}},"limits":{"body":"4M"}}"#
                .utf8)
        var random = PRNG(seed: 12)
        for _ in 0..<1_000 {
            var bytes = original
            for _ in 0...random.below(3) {
                let position = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: position)
                default: bytes.insert(contentsOf: Self.bytes(&random), at: position)
                }
            }
            let outcome = ConfigurationLoader.load(.init(file: bytes))
            #expect((outcome.configuration == nil) == outcome.findings.contains { $0.severity == .error })
            _ = APIKeyFile.parse(bytes)
        }
    }

    @Test func `no command line traps`() {
        let words = [
            "run", "key", "create", "list", "revoke", "check-config", "help", "--", "-", "--port", "--port=", "--listen", "=",
            "--=", "", "9", "x",
            "--group", "g", "--expires", "1d", "--help", "-h", "--version", "stdio", "\u{0}", "--config=/c",
        ]
        var random = PRNG(seed: 13)
        for _ in 0..<20_000 {
            _ = Command.parse((0..<random.below(6)).map { _ in words[random.below(words.count)] })
        }
    }
}
