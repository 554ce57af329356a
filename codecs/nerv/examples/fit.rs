use nc_nerv::{train::*, config::Config};
fn read(path:&str)->(usize,usize,Vec<Vec<u16>>){
    let b=std::fs::read(path).unwrap();
    let e=b.iter().position(|c|*c==b'\n').unwrap();
    let h=std::str::from_utf8(&b[..e]).unwrap();
    let (mut w,mut ht)=(0,0);
    for t in h.split(' '){ if let Some(v)=t.strip_prefix('W'){w=v.parse().unwrap_or(w)} if let Some(v)=t.strip_prefix('H'){ht=v.parse().unwrap_or(ht)}}
    let n=w*ht*3/2; let mut at=e+1; let mut f=vec![];
    while at+6+n<=b.len(){ at+=6; f.push(b[at..at+n].iter().map(|v|*v as u16).collect()); at+=n;}
    (w,ht,f)
}
fn main(){
    let a:Vec<String>=std::env::args().collect();
    let (w,h,f)=read(&a[1]);
    let get=|k:&str,d:f64|->f64{ a.iter().find_map(|s|s.strip_prefix(&format!("{k}="))).map_or(d,|v|v.parse().unwrap()) };
    let n=get("frames",1e9) as usize;
    let f=&f[..n.min(f.len())];
    let wt=a.iter().find_map(|s|s.strip_prefix("w=")).map_or([6.0,3.0,1.7,1.2,1.0],|v|{let mut o=[0.0;5];for (o,x) in o.iter_mut().zip(v.split(',')){*o=x.parse().unwrap()};o});
    let mut c=Config::default();
    c.width=get("width",16.0) as usize; c.blocks=get("blocks",4.0) as usize;
    let o=Options{seconds:get("sec",60.0),bytes:get("bytes",60000.0),step:get("step",8.0) as usize,group:get("group",50.0) as usize,lr:get("lr",3e-3) as f32,price:get("price",1.0) as f32,weights:wt,lambda:get("lambda",60.0) as f32,quant:get("quant",6.5) as f32,epochs:get("epochs",2.0) as usize,iters:get("iters",1.0) as usize,eta:get("eta",1.0) as f32,config:c};
    let mut t=Trainer::new(w,h,f,o);
    t.run(true);
}
