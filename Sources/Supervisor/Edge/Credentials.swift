import Linux
import SupervisorCore

/// The keys that open this supervisor: those of the key file and those of the variable AUTH_TOKENS, as digests.
enum Credentials {
    /// Nil where there are none. All findings about them are printed; an error among them ends the start.
    static func verifier(
        _ settings: AuthenticationSettings, _ environment: [EnvironmentVariable]
    ) throws(Startup.Failure) -> CredentialVerifier? {
        var findings: [Finding] = []
        var keys: [APIKey] = []
        if let path = settings.keyFile {
            let (file, found) = try Self.read(path)
            keys = file?.keys ?? []
            findings += found
        }
        var tokens: [EnvironmentToken] = []
        if let variable = environment.first(where: { $0.name == "AUTH_TOKENS" }), !variable.value.isEmpty {
            let parsed = EnvironmentToken.parse(variable.value, functions: Digest.functions)
            tokens = parsed.tokens
            findings += parsed.findings
        }
        for finding in findings { Application.printError("\(finding.severity): \(finding)") }
        guard !findings.contains(where: { $0.severity == .error }) else {
            throw Startup.Failure(code: .configuration, text: "the keys cannot be used, see above")
        }
        let verifier = CredentialVerifier(keys: keys, tokens: tokens, functions: Digest.functions)
        return verifier.isEmpty ? nil : verifier
    }

    private static func read(_ path: String) throws(Startup.Failure) -> (APIKeyFile?, [Finding]) {
        let contents: (bytes: [UInt8], status: FileStatus)
        do {
            contents = try Files.read(path, limit: APIKeyFile.fileBytesMax)
        } catch {
            throw Startup.Failure(code: .configuration, text: "cannot read the key file \(path): \(error)")
        }
        guard !contents.status.isReadableByOthers, !contents.status.isWritableByOthers else {
            throw Startup.Failure(
                code: .configuration,
                text: "the key file \(path) can be read or changed by others; run: chmod 600 \(path)")
        }
        return APIKeyFile.parse(contents.bytes, path: path)
    }
}
