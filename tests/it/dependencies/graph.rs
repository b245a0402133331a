//! Which file uses which: resolves every path of the source to the file that defines the item.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::scope::{Scope, scopes};

/// The modules of `src` and the names of the external crates.
pub(super) struct ModuleGraph {
    scopes: BTreeMap<Vec<String>, Scope>,
    external: BTreeSet<String>,
    /// By file.
    uses: BTreeMap<String, Uses>,
}

/// What one file uses.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// By file: the names that are used.
    pub(super) files: BTreeMap<String, BTreeSet<String>>,
    /// Top-level modules, also those that a path only passes through.
    pub(super) modules: BTreeSet<String>,
    pub(super) crates: BTreeSet<String>,
}

/// Where a path leads.
#[derive(Debug)]
enum Resolved {
    Module(Vec<String>),
    Item { module: Vec<String>, name: String },
}

impl ModuleGraph {
    /// Reads `src` and the dependencies in `Cargo.toml`.
    pub(super) fn read(root: &Path) -> Self {
        let mut sources = Vec::new();
        gather(&root.join("src"), "", &mut sources);
        // A program is a crate of its own.
        sources.retain(|(file, _)| !file.starts_with("bin/"));
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let (_, dependencies) = manifest.split_once("[dependencies]\n").unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap().lines();
        let names = dependencies.filter_map(|line| line.split_once(" = "));
        let names: Vec<String> = names.map(|(name, _)| name.replace('-', "_")).collect();
        Self::new(
            sources
                .iter()
                .map(|(file, text)| (file.as_str(), text.as_str())),
            names,
        )
    }

    /// Reads the modules of the program `m2m`.
    pub(super) fn read_program(root: &Path) -> Self {
        let mut sources = Vec::new();
        gather(&root.join("src/bin/m2m"), "", &mut sources);
        Self::new(
            sources
                .iter()
                .map(|(file, text)| (file.as_str(), text.as_str())),
            [],
        )
    }

    /// Creates a graph of sources (file, text).
    pub(super) fn new<'a>(
        sources: impl IntoIterator<Item = (&'a str, &'a str)>,
        external: impl IntoIterator<Item = String>,
    ) -> Self {
        let all = sources
            .into_iter()
            .flat_map(|(file, text)| scopes(file, text));
        let mut scopes: BTreeMap<_, _> = all.map(|scope| (scope.module.clone(), scope)).collect();
        let tests: Vec<Vec<String>> = scopes
            .values()
            .flat_map(|scope| {
                scope
                    .test_modules
                    .iter()
                    .map(|name| join(&scope.module, name))
            })
            .collect();
        scopes.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        let external = external.into_iter().collect();
        let mut graph = Self {
            scopes,
            external,
            uses: BTreeMap::new(),
        };
        let mut all: BTreeMap<String, Uses> = BTreeMap::new();
        for scope in graph.scopes.values() {
            graph.add_uses(scope, all.entry(scope.file.clone()).or_default());
        }
        graph.uses = all;
        graph
    }

    /// Returns the top-level modules.
    pub(super) fn modules(&self) -> BTreeSet<String> {
        self.scopes
            .values()
            .map(|scope| top_level(&scope.file))
            .collect()
    }

    /// Returns what each file uses.
    pub(super) fn uses(&self) -> &BTreeMap<String, Uses> {
        &self.uses
    }

    fn add_uses(&self, scope: &Scope, uses: &mut Uses) {
        for import in &scope.imports {
            // A re-export is a use only if the file itself uses the name.
            let is_used = !import.is_public || scope.words.contains(&import.name);
            if import.name == "*" && !import.is_public {
                for word in &scope.words {
                    self.add_glob(scope, &import.path, word, uses);
                }
            }
            self.add(scope, &import.path, is_used, uses);
        }
        for path in &scope.paths {
            self.add(scope, path, true, uses);
        }
    }

    /// Adds the file that a path leads to.
    fn add(&self, scope: &Scope, path: &[String], is_used: bool, uses: &mut Uses) {
        let first = path[0].as_str();
        let is_local = first != "::" && self.has_name(scope, first);
        let name = if first == "::" {
            path.get(1).map_or("", String::as_str)
        } else {
            first
        };
        if !is_local && self.external.contains(name) {
            uses.crates.insert(name.to_owned());
        }
        let mut visited = Vec::new();
        for target in self.resolve(&scope.module, path, &mut visited) {
            if let Resolved::Item { module, name } = target
                && is_used
                && let Some(defining) = self.scopes.get(&module)
                && defining.is_node
                && defining.file != scope.file
            {
                uses.files
                    .entry(defining.file.clone())
                    .or_default()
                    .insert(name);
            }
        }
        let own = top_level(&scope.file);
        let modules = visited.iter().filter_map(|module| self.scopes.get(module));
        let modules = modules.map(|scope| top_level(&scope.file));
        uses.modules
            .extend(modules.filter(|module| *module != own && module != "lib"));
    }

    /// Adds the file of a word that a glob import may bring.
    fn add_glob(&self, scope: &Scope, path: &[String], word: &str, uses: &mut Uses) {
        for target in self.resolve(&scope.module, path, &mut Vec::new()) {
            if let Resolved::Module(module) = target
                && self
                    .scopes
                    .get(&module)
                    .is_some_and(|from| self.has_name(from, word))
            {
                let full: Vec<String> = path.iter().cloned().chain([word.to_owned()]).collect();
                self.add(scope, &full, true, uses);
            }
        }
    }

    /// Returns `true` if a scope declares, imports or defines the name.
    fn has_name(&self, scope: &Scope, name: &str) -> bool {
        self.scopes.contains_key(&join(&scope.module, name))
            || scope.definitions.contains(name)
            || scope
                .imports
                .iter()
                .any(|import| import.name == name && import.path[0] != name)
    }

    /// Resolves a path that is written in a module. The result is empty if it leads out of the
    /// crate.
    fn resolve(
        &self,
        module: &[String],
        path: &[String],
        visited: &mut Vec<Vec<String>>,
    ) -> Vec<Resolved> {
        let mut at = module.to_vec();
        let rest = match path {
            [first, rest @ ..] if first == "crate" => {
                at.clear();
                rest
            }
            [first, rest @ ..] if first == "self" => rest,
            [first, ..] if first == "super" => {
                let levels = path
                    .iter()
                    .take_while(|segment| *segment == "super")
                    .count();
                at.truncate(at.len().saturating_sub(levels));
                &path[levels..]
            }
            [first, ..]
                if self
                    .scopes
                    .get(&at)
                    .is_some_and(|from| self.has_name(from, first)) =>
            {
                path
            }
            _ => return Vec::new(),
        };
        self.walk(at, rest, visited)
    }

    fn walk(
        &self,
        module: Vec<String>,
        path: &[String],
        visited: &mut Vec<Vec<String>>,
    ) -> Vec<Resolved> {
        let Some(scope) = self.scopes.get(&module) else {
            return Vec::new();
        };
        let [name, rest @ ..] = path else {
            visited.push(module.clone());
            return vec![Resolved::Module(module)];
        };
        let child = join(&module, name);
        if self.scopes.contains_key(&child) {
            visited.push(child.clone());
            return self.walk(child, rest, visited);
        }
        visited.push(module.clone());
        let item = |module| {
            vec![Resolved::Item {
                module,
                name: name.clone(),
            }]
        };
        // Paths that lead in a circle, such as an import of a module into itself.
        if scope.definitions.contains(name) || visited.len() > 20 {
            return item(module);
        }
        let imports = scope.imports.iter().filter(|import| import.name == *name);
        let mut targets = Vec::new();
        let mut is_imported = false;
        for import in imports.filter(|import| import.path.last() != Some(&"*".to_owned())) {
            is_imported = true;
            let full: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            targets.extend(self.resolve(&module, &full, visited));
        }
        for import in scope
            .imports
            .iter()
            .filter(|import| import.name == "*" && !is_imported)
        {
            let full: Vec<String> = import.path.iter().chain(path).cloned().collect();
            let found = self.resolve(&module, &full, visited);
            targets.extend(found.into_iter().filter(|target| self.is_defined(target)));
        }
        if targets.is_empty() && !is_imported {
            item(module)
        } else {
            targets
        }
    }

    fn is_defined(&self, target: &Resolved) -> bool {
        match target {
            Resolved::Module(_) => true,
            Resolved::Item { module, name } => self
                .scopes
                .get(module)
                .is_some_and(|scope| scope.definitions.contains(name)),
        }
    }
}

/// Returns the module below `src` that a file belongs to.
pub(super) fn top_level(file: &str) -> String {
    file.split(['/', '.']).next().unwrap_or_default().to_owned()
}

fn join(module: &[String], name: &str) -> Vec<String> {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

fn gather(folder: &Path, prefix: &str, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            gather(&path, &format!("{prefix}{name}/"), sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push((
                format!("{prefix}{name}"),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
}
