import Base
import Linux
import SupervisorCore

/// `mcp-supervisor key create | list | revoke`: the only places where a key file is written. A running supervisor reads it at its
/// next start.
enum KeyCommands {
    static func create(group: String, expires: Interval?, _ option: KeyFileOption) throws(Startup.Failure) {
        let path = try Self.path(option)
        var file = try Self.read(path, mayBeMissing: true)
        let now = SystemClock.wallSeconds()
        let made: (key: APIKey, token: String)
        do throws(SystemError) {
            made = APIKey.make(
                idBytes: try Entropy.bytes(count: 8), secretBytes: try Entropy.bytes(count: 20), group: group, created: now,
                expires: expires.map { now + $0.wholeSeconds }, functions: Digest.functions)
        } catch {
            throw Startup.Failure(code: .software, text: "\(error)")
        }
        guard file.add(made.key) else {
            throw Startup.Failure(code: .unavailable, text: "\(path) is full; take revoked keys out of it")
        }
        try Self.write(file, path)
        Application.print(made.token)
        Application.printError("this key is shown only now; \(path) holds its digest. Clients send: Authorization: Bearer KEY")
    }

    static func list(_ option: KeyFileOption) throws(Startup.Failure) {
        let file = try Self.read(try Self.path(option), mayBeMissing: false)
        let now = SystemClock.wallSeconds()
        for key in file.keys {
            let state = key.isValid(at: now) ? "valid" : key.revoked != nil ? "revoked" : "expired"
            let end = key.expires.map { CalendarTime.text($0) } ?? "never"
            Application.print(
                "\(key.id)  group \(key.group)  created \(CalendarTime.text(key.created))  expires \(end)  \(state)")
        }
    }

    static func revoke(id: String, _ option: KeyFileOption) throws(Startup.Failure) {
        let path = try Self.path(option)
        var file = try Self.read(path, mayBeMissing: false)
        guard file.revoke(id: id, at: SystemClock.wallSeconds()) else {
            throw Startup.Failure(code: .unavailable, text: "\(path) has no key \(id); see: mcp-supervisor key list")
        }
        try Self.write(file, path)
    }

    // MARK: The file

    private static func path(_ option: KeyFileOption) throws(Startup.Failure) -> String {
        if let path = option.keys { return path }
        var options = RunOptions()
        options.config = option.config
        let outcome = try RunCommand.load(options, RunCommand.environment())
        if let path = outcome.configuration?.authentication.keyFile { return path }
        throw Startup.Failure(
            code: .configuration,
            text: "no key file is named; use --keys FILE, or --config FILE of a configuration with auth.keys")
    }

    private static func read(_ path: String, mayBeMissing: Bool) throws(Startup.Failure) -> APIKeyFile {
        do {
            let (file, findings) = APIKeyFile.parse(try Files.read(path, limit: APIKeyFile.fileBytesMax).bytes, path: path)
            for finding in findings { Application.printError("\(finding.severity): \(finding)") }
            if let file { return file }
        } catch {
            if mayBeMissing && error.errno == .noEntry { return APIKeyFile() }
            throw Startup.Failure(code: .configuration, text: "cannot read the key file \(path): \(error)")
        }
        throw Startup.Failure(code: .configuration, text: "\(path) cannot be used, see above")
    }

    private static func write(_ file: APIKeyFile, _ path: String) throws(Startup.Failure) {
        do {
            try Files.writeAtomically(path, file.serialized.span, mode: 0o600)
        } catch {
            throw Startup.Failure(code: error.exitCode, text: "cannot write the key file \(path): \(error)")
        }
    }
}
