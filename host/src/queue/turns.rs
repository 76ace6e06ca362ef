//! Turns: the tenants one after the other, and the targets of each one after the other. It must not know why a target may
//! go, only that it may.

use std::collections::{HashMap, VecDeque};

/// Round robin over tenants, and within each over its targets, with limits on what is under way.
pub struct Turns {
    in_flight_at_most: usize,
    of_a_tenant_at_most: usize,
    tenants: HashMap<String, Tenant>,
    turn: VecDeque<String>,
    in_flight: usize,
}

#[derive(Default)]
struct Tenant {
    targets: VecDeque<String>,
    in_flight: usize,
    listed: bool,
}

impl Turns {
    pub fn new(in_flight_at_most: usize, of_a_tenant_at_most: usize) -> Self {
        Self {
            in_flight_at_most,
            of_a_tenant_at_most,
            tenants: HashMap::new(),
            turn: VecDeque::new(),
            in_flight: 0,
        }
    }

    /// Gives a target a place in its tenant's turn.
    pub fn list(&mut self, tenant: &str, target: &str) {
        self.tenants.entry(tenant.to_owned()).or_default().targets.push_back(target.to_owned());
        self.list_tenant(tenant);
    }

    /// The next target, which leaves the turn.
    pub fn next(&mut self) -> Option<String> {
        if self.in_flight >= self.in_flight_at_most {
            return None;
        }
        let name = self.turn.pop_front()?;
        let tenant = self.tenants.get_mut(&name).expect("a tenant in turn is known");
        tenant.listed = false;
        let target = tenant.targets.pop_front();
        self.list_tenant(&name);
        target
    }

    /// A try for a tenant begins.
    pub fn begun(&mut self, tenant: &str) {
        self.in_flight += 1;
        self.tenants.entry(tenant.to_owned()).or_default().in_flight += 1;
        if let Some(at) =
            self.full(tenant).then(|| self.turn.iter().position(|name| name == tenant)).flatten()
        {
            self.turn.remove(at);
            self.tenants.entry(tenant.to_owned()).or_default().listed = false;
        }
    }

    /// A try for a tenant ended.
    pub fn ended(&mut self, name: &str) {
        self.in_flight -= 1;
        let tenant = self.tenants.get_mut(name).expect("a tenant under way is known");
        tenant.in_flight -= 1;
        if tenant.in_flight == 0 && tenant.targets.is_empty() && !tenant.listed {
            self.tenants.remove(name);
        } else {
            self.list_tenant(name);
        }
    }

    fn full(&self, tenant: &str) -> bool {
        self.tenants.get(tenant).is_some_and(|tenant| tenant.in_flight >= self.of_a_tenant_at_most)
    }

    /// Gives a tenant a turn if it has a target that may go.
    fn list_tenant(&mut self, name: &str) {
        let full = self.full(name);
        let tenant = self.tenants.get_mut(name).expect("a tenant that is listed is known");
        if !tenant.listed && !full && !tenant.targets.is_empty() {
            tenant.listed = true;
            self.turn.push_back(name.to_owned());
        }
    }
}
