// TeX's names for what Unicode has.

/** A table without the names that every object has, such as `constructor`. */
const table = (entries) => Object.assign(Object.create(null), entries);

const pairs = (text) => table(Object.fromEntries(text.trim().split(/\s+/).map((pair) => pair.split(":"))));

export const SYMBOLS = pairs(`
  alpha:α beta:β gamma:γ delta:δ epsilon:ϵ varepsilon:ε zeta:ζ eta:η theta:θ vartheta:ϑ iota:ι kappa:κ lambda:λ mu:μ
  nu:ν xi:ξ pi:π rho:ρ sigma:σ tau:τ upsilon:υ phi:ϕ varphi:φ chi:χ psi:ψ omega:ω Gamma:Γ Delta:Δ Theta:Θ Lambda:Λ Xi:Ξ
  Pi:Π Sigma:Σ Upsilon:Υ Phi:Φ Psi:Ψ Omega:Ω ell:ℓ hbar:ℏ Re:ℜ Im:ℑ aleph:ℵ partial:∂ nabla:∇ infty:∞ emptyset:∅
  varnothing:∅ times:× cdot:⋅ div:÷ pm:± mp:∓ ast:∗ star:⋆ circ:∘ bullet:∙ oplus:⊕ otimes:⊗ odot:⊙ leq:≤ le:≤ geq:≥ ge:≥
  neq:≠ ne:≠ approx:≈ equiv:≡ sim:∼ simeq:≃ cong:≅ propto:∝ ll:≪ gg:≫ prec:≺ succ:≻ leqslant:⩽ geqslant:⩾ in:∈ notin:∉
  ni:∋ subset:⊂ supset:⊃ subseteq:⊆ supseteq:⊇ cup:∪ cap:∩ setminus:∖ forall:∀ exists:∃ neg:¬ lnot:¬ land:∧ wedge:∧
  lor:∨ vee:∨ therefore:∴ because:∵ to:→ rightarrow:→ leftarrow:← leftrightarrow:↔ Rightarrow:⇒ Leftarrow:⇐
  Leftrightarrow:⇔ implies:⟹ iff:⟺ longrightarrow:⟶ mapsto:↦ uparrow:↑ downarrow:↓ ldots:… cdots:⋯ dots:… vdots:⋮
  ddots:⋱ prime:′ angle:∠ triangle:△ perp:⊥ parallel:∥ mid:∣ nmid:∤ degree:° checkmark:✓ square:□ blacksquare:■ Box:□
  lbrace:{ rbrace:} vert:| Vert:‖ backslash:\\ dagger:† top:⊤ bot:⊥ models:⊨ vdash:⊢ cdotp:⋅ colon:: lt:< gt:>
`);
SYMBOLS.colon = ":";

export const LARGE = pairs("sum:∑ prod:∏ coprod:∐ int:∫ iint:∬ iiint:∭ oint:∮ bigcup:⋃ bigcap:⋂ bigoplus:⨁ bigotimes:⨂");

export const SPACES = table({ ",": "0.17em", ":": "0.22em", ";": "0.28em", "!": "-0.17em", " ": "0.33em", quad: "1em", qquad: "2em" });

export const FUNCTIONS = new Set(
  "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim max min sup inf det dim ker gcd lcm deg arg mod bmod Pr".split(" "),
);

// name: [mark, whether it stands below, whether it is as wide as what it marks]
export const ACCENTS = table({
  hat: ["^", false, false],
  widehat: ["^", false, true],
  bar: ["¯", false, false],
  overline: ["¯", false, true],
  underline: ["_", true, true],
  vec: ["→", false, false],
  overrightarrow: ["→", false, true],
  dot: ["˙", false, false],
  ddot: ["¨", false, false],
  tilde: ["~", false, false],
  widetilde: ["~", false, true],
  overbrace: ["⏞", false, true],
  underbrace: ["⏟", true, true],
});

export const BLACKBOARD = pairs("C:ℂ E:𝔼 F:𝔽 H:ℍ N:ℕ P:ℙ Q:ℚ R:ℝ Z:ℤ");
