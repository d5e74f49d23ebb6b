/// What all programs of this project share about themselves.
public enum Product {
    /// As [Semantic Versioning](https://semver.org/) has it. `--version`, `/health` and every handshake show it; README.md and
    /// CHANGELOG.md name it, which `scripts/tidy.py` checks.
    public static let version: StaticString = "0.1.0"
}
