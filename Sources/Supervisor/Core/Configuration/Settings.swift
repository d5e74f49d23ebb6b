import Base
import Wire

/// The values that the configuration file sets, each read once by its key's kind, with the defaults behind them.
struct Settings {
    let profile: Profile
    private var values: [[String]: SettingValue] = [:]
    /// The names below a `*`, in the order of the file.
    private var names: [[String]: [String]] = [:]

    init(profile: Profile) { self.profile = profile }

    mutating func set(_ path: [String], _ value: SettingValue) { self.values[path] = value }

    mutating func add(name: String, under path: [String]) { self.names[path, default: []].append(name) }

    func names(under path: [String]) -> [String] { self.names[path] ?? [] }

    func isSet(_ path: [String]) -> Bool { self.values[path] != nil }

    /// The file's value, else the profile's, else the default, and of these two no more than `ConfigurationKey.ordered` lets it be.
    func value(_ path: [String]) -> SettingValue? {
        if let value = self.values[path] { return value }
        guard let key = ConfigurationKey.find(path) else { preconditionFailure("\(path) is no key of the table") }
        guard let text = ConfigurationKey.fallback(of: key.path, under: self.profile) else { return nil }
        guard let value = try? key.kind.parse(text: text) else { preconditionFailure("\(key.path) has a default it refuses") }
        guard let pair = ConfigurationKey.ordered.first(where: { $0.lower == key.path }) else { return value }
        return value.lowered(to: self.value(Self.split(pair.upper)))
    }

    func integer(_ path: [String]) -> Int {
        guard case .integer(let value) = self.value(path) else { preconditionFailure("\(path) has no number") }
        return value
    }

    func duration(_ path: [String]) -> Interval {
        guard case .duration(let value) = self.value(path) else { preconditionFailure("\(path) has no time") }
        return value
    }

    func boolean(_ path: [String]) -> Bool {
        guard case .boolean(let value) = self.value(path) else { preconditionFailure("\(path) is not true or false") }
        return value
    }

    func string(_ path: [String]) -> String? {
        guard case .string(let value) = self.value(path) else { return nil }
        return value
    }

    func strings(_ path: [String]) -> [String] {
        guard case .strings(let value) = self.value(path) else { return [] }
        return value
    }

    // For keys outside the maps, whose names hold no dots.
    func integer(_ path: String) -> Int { self.integer(Self.split(path)) }
    func duration(_ path: String) -> Interval { self.duration(Self.split(path)) }
    func boolean(_ path: String) -> Bool { self.boolean(Self.split(path)) }
    func string(_ path: String) -> String? { self.string(Self.split(path)) }
    func strings(_ path: String) -> [String] { self.strings(Self.split(path)) }
    func isSet(_ path: String) -> Bool { self.isSet(Self.split(path)) }

    static func split(_ path: String) -> [String] { path.split(separator: ".").map { String($0) } }
}

extension SettingValue {
    /// The smaller of two of one kind; itself where there is nothing to compare.
    fileprivate func lowered(to bound: SettingValue?) -> SettingValue {
        switch (self, bound) {
        case (.integer(let value), .integer(let bound)): .integer(Swift.min(value, bound))
        case (.duration(let value), .duration(let bound)): .duration(Swift.min(value, bound))
        case (.boolean, _), (.integer, _), (.duration, _), (.string, _), (.strings, _): self
        }
    }
}

extension ConfigurationKey {
    /// Whether the key lies at or below a place in the file.
    func isAtOrBelow(_ place: [String]) -> Bool {
        let components = self.components
        return components.count >= place.count && zip(components, place).allSatisfy { $0 == "*" || $0 == $1 }
    }

    /// The key of one place in the file.
    static func find(_ path: [String]) -> ConfigurationKey? {
        Self.all.first { $0.components.count == path.count && $0.isAtOrBelow(path) }
    }
}

/// Reads the tree of a configuration file into `Settings`; every unknown key and every unfit value becomes a finding.
struct SettingsReader {
    var settings: Settings
    var findings: Findings

    // Bound: of any list or map in the file.
    private static let elementsMax = 4_096

    mutating func read(_ tree: JSONValue) {
        guard tree.objectValue != nil else {
            self.findings.error("configuration", "must be an object { … }")
            return
        }
        self.read(tree, at: [])
    }

    /// The recursion is as deep as the table's paths.
    private mutating func read(_ value: JSONValue, at path: [String]) {
        if let key = ConfigurationKey.find(path) { return self.read(value, at: path, as: key) }
        let place = path.joined(separator: ".")
        guard let members = value.objectValue else { return self.findings.error(place, "must be an object { … }") }
        guard members.count <= Self.elementsMax else {
            return self.findings.error(place, "has more than \(Self.elementsMax) members")
        }
        let known = Self.names(below: path)
        for member in members {
            let memberPath = path + [member.key]
            if known.contains("*") {
                self.settings.add(name: member.key, under: path)
            } else if !known.contains(member.key) {
                self.findings.error(memberPath.joined(separator: "."), Self.unknown(member.key, path, known))
                continue
            }
            self.read(member.value, at: memberPath)
        }
    }

    private mutating func read(_ value: JSONValue, at path: [String], as key: ConfigurationKey) {
        let place = path.joined(separator: ".")
        do throws(SettingError) {
            self.settings.set(path, try Self.value(value, key.kind))
        } catch {
            return self.findings.error(place, error.reason)
        }
        switch key.status {
        case .works, .clientOnly: break
        case .later(let consequence):
            self.findings.warning(place, "accepted, but without effect in this version: \(consequence)")
        }
    }

    private static func value(_ value: JSONValue, _ kind: SettingKind) throws(SettingError) -> SettingValue {
        switch (kind, value) {
        case (.boolean, .bool(let flag)): return .boolean(flag)
        case (.automatic, .bool(let flag)): return .string(flag ? "true" : "false")
        case (.integer, .number(let lexeme)), (.size, .number(let lexeme)): return try kind.parse(text: lexeme)
        case (.duration, .number): throw SettingError(reason: "needs a unit, \(kind.mismatch.reason)")
        case (.size, .string(let text)), (.duration, .string(let text)), (.percent, .string(let text)),
            (.string, .string(let text)), (.choice, .string(let text)), (.automatic, .string(let text)):
            guard !text.utf8.contains(0) else { throw SettingError(reason: "holds a NUL character") }
            return try kind.parse(text: text)
        case (.strings, .array(let elements)):
            guard elements.count <= Self.elementsMax else {
                throw SettingError(reason: "has more than \(Self.elementsMax) elements")
            }
            let texts = elements.compactMap(\.stringValue)
            guard texts.count == elements.count else { throw kind.mismatch }
            guard !texts.contains(where: { $0.utf8.contains(0) }) else { throw SettingError(reason: "holds a NUL character") }
            return .strings(texts)
        case (.boolean, _), (.integer, _), (.size, _), (.duration, _), (.percent, _), (.string, _), (.choice, _), (.strings, _),
            (.automatic, _):
            throw kind.mismatch
        }
    }

    /// The names that may stand right below a place, each once, in the order of the table.
    private static func names(below path: [String]) -> [String] {
        var names: [String] = []
        for key in ConfigurationKey.all where key.isAtOrBelow(path) {
            let components = key.components
            guard components.count > path.count, !names.contains(components[path.count]) else { continue }
            names.append(components[path.count])
        }
        return names
    }

    private static func unknown(_ name: String, _ path: [String], _ known: [String]) -> String {
        if path.first == "mcpServers", name == "url" || name == "headers" {
            return "unknown key; only servers that a command starts can be put behind the supervisor"
        }
        guard let nearest = Suggestion.nearest(to: name, among: known) else {
            return "unknown key; known here: \(known.joined(separator: ", "))"
        }
        return "unknown key; did you mean \(nearest)?"
    }
}
