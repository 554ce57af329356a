use nc_nerv::{coder::*, geometry::*, motion::*, search::*};
use nc::entropy::RangeEncoder;
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
    let d:usize=a[2].parse().unwrap(); let price:f32=a[3].parse().unwrap();
    let g=Geometry::new(w,h,Some([2,2]),8,8);
    let mut io=RangeEncoder::new(); let mut mc=MotionCoder::default();
    let mut sse=0f64; let mut n=0; let t0=std::time::Instant::now();
    for t in (d..f.len()-d).step_by(7){
        let (p,q)=(Phases::new(&g,&f[t-d]),Phases::new(&g,&f[t+d]));
        let bi=a[4]=="2";
        let refs=if bi {vec![&p,&q]} else {vec![&p]};
        let s=Search::new(&g,&f[t],refs,price);
        let mut field=s.run(&g,None);
        let (r,rq)=(Reference::new(&g,&f[t-d]),Reference::new(&g,&f[t+d]));
        let mut out=vec![0u16;g.samples()];
        compensate(&g,&field,[&r,&rq],&mut out);
        let e:f64=out.iter().zip(&f[t]).map(|(a,b)|{let d=*a as f64-*b as f64;d*d}).sum::<f64>()/out.len() as f64;
        sse+=e; n+=1;
        mc.code(&mut io,&mut field,bi).unwrap();
    }
    let bytes=io.finish().len();
    println!("d {d} psnr {:.2} bytes/frame {} secs/frame {:.3}",10.0*(65025.0/(sse/n as f64)).log10(),bytes/n,t0.elapsed().as_secs_f64()/n as f64);
}
