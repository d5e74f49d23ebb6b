import Base
import Wire

/// The file of keys: `{"keys":[{"id","sha256","group","created","expires"?,"revoked"?}]}`, times as `CalendarTime`.
public struct APIKeyFile: Sendable {
    public private(set) var keys: [APIKey] = []

    // Bound: revoked keys stay in the file until somebody takes them out.
    public static let keysMax = 100_000
    public static let fileBytesMax = 32 << 20

    public init() {}

    /// Reads the file's bytes. Nil when a finding is an error: a file that is half right would lock out the other half silently.
    public static func parse(_ bytes: [UInt8], path: String = "auth.keys") -> (file: APIKeyFile?, findings: [Finding]) {
        var reader = APIKeyFileReader(path: path)
        reader.read(bytes)
        return (reader.findings.hasErrors ? nil : reader.file, reader.findings.list)
    }

    /// False when the id is taken or the file is full.
    public mutating func add(_ key: APIKey) -> Bool {
        guard self.keys.count < Self.keysMax, !self.keys.contains(where: { $0.id == key.id }) else { return false }
        self.keys.append(key)
        return true
    }

    /// For the reader, which knows the ids it has seen.
    fileprivate mutating func append(_ key: APIKey) { self.keys.append(key) }

    /// False when no key has this id. A key that was revoked before keeps its time.
    public mutating func revoke(id: String, at unixSeconds: Int64) -> Bool {
        guard let index = self.keys.firstIndex(where: { $0.id == id }) else { return false }
        if self.keys[index].revoked == nil { self.keys[index].revoked = unixSeconds }
        return true
    }

    /// The file's text, one key a line, so that tools that compare lines show what changed.
    public var serialized: [UInt8] {
        var output = [UInt8]("{\"keys\":[")
        for (index, key) in self.keys.enumerated() {
            output.append(index == 0 ? "\n  " : ",\n  ")
            var members: [JSONValue.Member] = [
                .init("id", .string(key.id)), .init("sha256", .string(key.digest.hex)), .init("group", .string(key.group)),
                .init("created", .string(CalendarTime.text(key.created))),
            ]
            if let expires = key.expires { members.append(.init("expires", .string(CalendarTime.text(expires)))) }
            if let revoked = key.revoked { members.append(.init("revoked", .string(CalendarTime.text(revoked)))) }
            JSONValue.object(members).append(to: &output)
        }
        output.append(self.keys.isEmpty ? "]}\n" : "\n]}\n")
        return output
    }
}

/// Reads a key file and names everything that is wrong with it.
private struct APIKeyFileReader {
    let path: String
    var file = APIKeyFile()
    var findings = Findings()
    private var ids: Set<String> = []

    init(path: String) { self.path = path }

    mutating func read(_ bytes: [UInt8]) {
        guard bytes.count <= APIKeyFile.fileBytesMax else { return self.findings.error(self.path, "the file is too large") }
        let tree: JSONValue
        do throws(JSONTextError) {
            tree = try JSONValue.parse(
                bytes, allowingCommentsAndTrailingCommas: true, limits: JSONLimits(depthMax: 8, nodesMax: 8 * APIKeyFile.keysMax))
        } catch {
            return self.findings.error(self.path, error.description)
        }
        guard let members = tree.objectValue, let keys = tree["keys"]?.arrayValue else {
            return self.findings.error(self.path, "must be an object with a list called keys")
        }
        for member in members where member.key != "keys" { self.findings.error("\(self.path).\(member.key)", "unknown key") }
        guard keys.count <= APIKeyFile.keysMax else {
            return self.findings.error(self.path, "has more than \(APIKeyFile.keysMax) keys")
        }
        for (index, key) in keys.enumerated() { self.read(key, "\(self.path).keys[\(index)]") }
    }

    private mutating func read(_ value: JSONValue, _ place: String) {
        guard let members = value.objectValue else { return self.findings.error(place, "must be an object") }
        let known = ["id", "sha256", "group", "created", "expires", "revoked"]
        for member in members where !known.contains(member.key) {
            let hint = Suggestion.nearest(to: member.key, among: known).map { "; did you mean \($0)?" } ?? ""
            self.findings.error("\(place).\(member.key)", "unknown key\(hint)")
        }
        let id = value["id"]?.stringValue
        if !(id.map { APIKey.isID($0) } ?? false) {
            self.findings.error("\(place).id", "must be 1 to 64 characters of A-Z a-z 0-9 -")
        }
        if let id, !self.ids.insert(id).inserted { self.findings.error("\(place).id", "is there twice") }
        let digest = value["sha256"]?.stringValue.flatMap { SHA256Digest(hex: $0) }
        if digest == nil { self.findings.error("\(place).sha256", "must be the 64 hexadecimal digits of the secret's SHA-256") }
        let group = value["group"]?.stringValue
        if !(group.map { ConfigurationLoader.isServerName($0) } ?? false) {
            self.findings.error("\(place).group", "must be 1 to 64 characters of A-Z a-z 0-9 . _ -")
        }
        let created = self.time(value["created"], "\(place).created")
        if value["created"] == nil { self.findings.error("\(place).created", "is missing") }
        let expires = self.time(value["expires"], "\(place).expires")
        let revoked = self.time(value["revoked"], "\(place).revoked")
        guard let id, let digest, let group, let created else { return }
        self.file.append(APIKey(id: id, digest: digest, group: group, created: created, expires: expires, revoked: revoked))
    }

    private mutating func time(_ value: JSONValue?, _ place: String) -> Int64? {
        guard let value else { return nil }
        if let seconds = value.stringValue.flatMap({ CalendarTime.parse($0) }) { return seconds }
        self.findings.error(place, "must be a time in UTC such as 2026-11-20T10:00:00Z")
        return nil
    }
}
